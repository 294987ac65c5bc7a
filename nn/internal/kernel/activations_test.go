package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

type activation[T Float] struct {
	forward func(y, x []T)
	grad    func(dx, x, dy []T)
	exact   func(x float64) float64
	ofY     bool // grad takes what forward wrote
}

func activations[T Float]() map[string]activation[T] {
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	return map[string]activation[T]{
		"relu": {Relu[T], ReluGrad[T], func(x float64) float64 { return math.Max(x, 0) }, false},
		"gelu": {Gelu[T], GeluGrad[T], func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, false},
		"gelu-tanh": {GeluTanh[T], GeluTanhGrad[T], func(x float64) float64 {
			return x * sigma(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
		}, false},
		"silu":    {Silu[T], SiluGrad[T], func(x float64) float64 { return x * sigma(x) }, false},
		"tanh":    {Tanh[T], TanhGrad[T], math.Tanh, true},
		"sigmoid": {Sigmoid[T], SigmoidGrad[T], sigma, true},
	}
}

// TestActivationsAreWhatTheySay compares with formulas in float64. A float32 may differ by 1e-6
// of the largest of operand, result and 0.001; a float64 by 1e-14 of the result.
func TestActivationsAreWhatTheySay(t *testing.T) {
	for name, f := range activations[float32]() {
		var x []float32
		for v := -30.0; v < 30; v += 0.00371 {
			x = append(x, float32(v), float32(v*v*v*1e-5))
		}
		y := make([]float32, len(x))
		f.forward(y, x)
		for i, v := range x {
			want := f.exact(float64(v))
			require.InDelta(t, want, y[i], 1e-6*max(math.Abs(float64(v)), want, 1e-3), "%s of %v", name, v)
		}
	}
	for name, f := range activations[float64]() {
		var x []float64
		for v := -6.0; v < 6; v += 0.00371 { // the rounding of exponents shows further out
			x = append(x, v, v*v*v*1e-5)
		}
		y := make([]float64, len(x))
		f.forward(y, x)
		for i, v := range x {
			want := f.exact(v)
			require.InDelta(t, want, y[i], 1e-14*math.Abs(want), "%s of %v", name, v)
		}
	}
}

// TestErrorsInUlps takes every 5003rd float32, subnormals and huge ones too.
func TestErrorsInUlps(t *testing.T) {
	var x []float32
	for bits := uint32(0); bits < 0x7f800000; bits += 5003 {
		v := math.Float32frombits(bits)
		x = append(x, v, -v)
	}
	negative := make([]float32, len(x))
	for i, v := range x {
		negative[i] = -float32(math.Abs(float64(v)))
	}
	y := make([]float32, len(x))
	check := func(name string, x []float32, exact func(x float64) float64, limit float64) {
		t.Helper()
		for i, v := range x {
			want := exact(float64(v))
			if off := math.Abs(float64(y[i])-want) / ulp(float32(want)); off > limit {
				require.Failf(t, "too far off", "%s of %v is %v, %v ulps from %v", name, v, y[i], off, want)
			}
		}
	}
	expSum(y, negative, 0)
	check("exp", negative, math.Exp, 1.5)
	Tanh(y, x)
	check("tanh", x, math.Tanh, 3)
	Sigmoid(y, x)
	check("sigmoid", x, sigmoid[float64], 3)
	Gelu(y, x)
	check("gelu", x, gelu[float64], 10)
}

// TestActivationGradients compares with differences of the formulas, to 1e-6 of dy. Steps of
// 1e-4 and terms to the fourth order leave less than 1e-11.
func TestActivationGradients(t *testing.T) {
	check := func(name string, exact func(float64) float64, x, dx, dy float64) {
		const h = 1e-4
		slope := (8*(exact(x+h)-exact(x-h)) - (exact(x+2*h) - exact(x-2*h))) / (12 * h)
		require.InDelta(t, slope*dy, dx, 1e-6*math.Abs(dy), "%s at %v", name, x)
	}
	for name, f := range activations[float32]() {
		testGradient(f, func(x, dx, dy float32) { check(name, f.exact, float64(x), float64(dx), float64(dy)) })
	}
	for name, f := range activations[float64]() {
		testGradient(f, func(x, dx, dy float64) { check(name, f.exact, x, dx, dy) })
	}
}

func testGradient[T Float](f activation[T], check func(x, dx, dy T)) {
	var x, dy []T
	for v := -12.0005; v < 12; v += 0.0173 { // never so near 0 that relu bends
		x, dy = append(x, T(v)), append(dy, T(1+v*v))
	}
	at, dx := x, make([]T, len(x))
	if f.ofY {
		at = make([]T, len(x))
		f.forward(at, x)
	}
	f.grad(dx, at, dy)
	for i, v := range x {
		check(v, dx[i], dy[i])
	}
}

// TestActivationsAtTheEnds: infinities give limits, NaN stays, and nothing finite overflows.
func TestActivationsAtTheEnds(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testEnds[float32](t, math.MaxFloat32, math.SmallestNonzeroFloat32) })
	t.Run("float64", func(t *testing.T) { testEnds[float64](t, math.MaxFloat64, math.SmallestNonzeroFloat64) })
}

func testEnds[T Float](t *testing.T, biggest, smallest T) {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	x := []T{inf, -inf, biggest, -biggest, 0, smallest, nan}
	one := []T{1, 1, 1, 1, 1, 1, 1}
	identity := []T{inf, 0, biggest, 0, 0}
	want := map[string]struct{ y, slope []T }{
		"relu":      {append(identity, smallest), []T{1, 0, 1, 0, 0, 1}},
		"gelu":      {identity, []T{1, 0, 1, 0, 0.5, 0.5}},
		"gelu-tanh": {identity, []T{1, 0, 1, 0, 0.5, 0.5}},
		"silu":      {identity, []T{1, 0, 1, 0, 0.5, 0.5}},
		"tanh":      {[]T{1, -1, 1, -1, 0, smallest}, []T{0, 0, 0, 0, 1, 1}},
		"sigmoid":   {[]T{1, 0, 1, 0, 0.5, 0.5}, []T{0, 0, 0, 0, 0.25, 0.25}},
	}
	for name, f := range activations[T]() {
		y, dx := make([]T, len(x)), make([]T, len(x))
		f.forward(y, x)
		require.InDeltaSlice(t, want[name].y[1:], y[1:len(want[name].y)], 1e-7, "%s", name)
		require.Equal(t, want[name].y[0], y[0], "%s", name)
		require.True(t, y[6] != y[6], "%s of NaN is %v", name, y[6])
		at := x
		if f.ofY {
			at = y
		}
		f.grad(dx, at, one)
		require.InDeltaSlice(t, want[name].slope, dx[:6], 1e-7, "%s", name)
	}
}
