package kernel

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// twins is one function that is there in assembly and in Go. It takes slices of one
// length.
type twins struct {
	name   string
	inputs int
	sizes  []int // of results; same is that of slices
	run    func(to, from [][]float32)
	// within is how far apart the two may be at element i of a result, of which Go gives
	// want. nil is for the same bits.
	within func(from [][]float32) bound
	whole  bool // elements depend on all others, so that a part has other results
}

const same = 0

// bound is how far from want element i of a result may be.
type bound func(i int, want float32) float64

func allTwins() []twins {
	one, elements := []int{1}, []int{same}
	return []twins{
		{"Add", 2, elements, func(to, from [][]float32) { Add(to[0], from[0], from[1]) }, nil, false},
		{"AddTo", 2, elements, func(to, from [][]float32) { copy(to[0], from[0]); AddTo(to[0], from[1]) }, nil, false},
		{"Mul", 2, elements, func(to, from [][]float32) { Mul(to[0], from[0], from[1]) }, nil, false},
		{"Scale", 1, elements, func(to, from [][]float32) { Scale(to[0], from[0], 0.3) }, nil, false},
		{
			"Axpy", 2, elements, func(to, from [][]float32) { copy(to[0], from[0]); Axpy(to[0], 0.3, from[1]) },
			func(from [][]float32) bound {
				return func(i int, want float32) float64 { return ulp(0.3*from[1][i]) + ulp(want) }
			}, false,
		},
		{"Relu", 1, elements, func(to, from [][]float32) { Relu(to[0], from[0]) }, nil, false},
		{"ReluGrad", 2, elements, func(to, from [][]float32) { ReluGrad(to[0], from[0], from[1]) }, nil, false},
		{"Gelu", 1, elements, func(to, from [][]float32) { Gelu(to[0], from[0]) }, ofOperand, false},
		{"GeluGrad", 2, elements, func(to, from [][]float32) { GeluGrad(to[0], from[0], from[1]) }, ofGradient, false},
		{"GeluTanh", 1, elements, func(to, from [][]float32) { GeluTanh(to[0], from[0]) }, ofOperand, false},
		{"GeluTanhGrad", 2, elements, func(to, from [][]float32) { GeluTanhGrad(to[0], from[0], from[1]) }, ofGradient, false},
		{"Silu", 1, elements, func(to, from [][]float32) { Silu(to[0], from[0]) }, ofOperand, false},
		{"SiluGrad", 2, elements, func(to, from [][]float32) { SiluGrad(to[0], from[0], from[1]) }, ofGradient, false},
		{"Tanh", 1, elements, func(to, from [][]float32) { Tanh(to[0], from[0]) }, ulps(4), false},
		{
			"TanhGrad", 2, elements, func(to, from [][]float32) { TanhGrad(to[0], from[0], from[1]) },
			func(from [][]float32) bound {
				return func(i int, want float32) float64 {
					y, dy := from[0][i], from[1][i]
					return ulp(y*y)*math.Abs(float64(dy)) + 2*ulp(want)
				}
			}, false,
		},
		{"Sigmoid", 1, elements, func(to, from [][]float32) { Sigmoid(to[0], from[0]) }, ulps(4), false},
		{"SigmoidGrad", 2, elements, func(to, from [][]float32) { SigmoidGrad(to[0], from[0], from[1]) }, nil, false},
		{
			"Dot", 2, one, func(to, from [][]float32) { to[0][0] = Dot(from[0], from[1]) },
			func(from [][]float32) bound { return always(terms(from[0], from[1])) }, true,
		},
		{
			"Sum", 1, one, func(to, from [][]float32) { to[0][0] = Sum(from[0]) },
			func(from [][]float32) bound { return always(terms(from[0], nil)) }, true,
		},
		{"SumSquares", 1, one, func(to, from [][]float32) { to[0][0] = float32(SumSquares(from[0])) }, ulps(1), true},
		{"SoftmaxRow", 1, elements, func(to, from [][]float32) { SoftmaxRow(to[0], from[0]) }, ulps(8), true},
		{
			"SoftmaxGradRow", 2, elements, func(to, from [][]float32) { SoftmaxGradRow(to[0], from[0], from[1]) },
			func(from [][]float32) bound {
				dot := terms(from[0], from[1])
				return func(i int, want float32) float64 { return dot*math.Abs(float64(from[0][i])) + 2*ulp(want) }
			}, true,
		},
		{"LogSoftmaxRow", 1, elements, func(to, from [][]float32) { LogSoftmaxRow(to[0], from[0]) }, ofLogarithm, true},
		{"LogSoftmaxGradRow", 2, elements, func(to, from [][]float32) {
			LogSoftmaxRow(to[0], from[0])
			LogSoftmaxGradRow(to[0], to[0], from[1])
		}, func(from [][]float32) bound { return always(4 * terms(from[1], nil)) }, true},
		{"LayerNorm", 3, []int{same, 1, 1}, func(to, from [][]float32) {
			LayerNorm(to[0], from[0], from[1], from[2], to[1], to[2], 1, len(from[0]), 1e-5)
		}, ofNorm, true},
		{"RMSNorm", 2, []int{same, 1}, func(to, from [][]float32) {
			RMSNorm(to[0], from[0], from[1], to[1], 1, len(from[0]), 1e-5)
		}, ofNorm, true},
		{"LayerNormGrad", 3, []int{same, same, same}, func(to, from [][]float32) {
			LayerNormGrad(to[0], to[1], to[2], from[0], from[1], []float32{0.25}, []float32{0.75}, from[2], 1, len(from[0]))
		}, ofNorm, true},
		{"RMSNormGrad", 3, []int{same, same}, func(to, from [][]float32) {
			RMSNormGrad(to[0], to[1], from[0], from[1], []float32{0.75}, from[2], 1, len(from[0]))
		}, ofNorm, true},
		{"Adam", 4, []int{same, same, same}, func(to, from [][]float32) {
			w, m, v := to[0], to[1], to[2]
			copy(w, from[0])
			copy(m, from[1])
			for i, x := range from[2] {
				v[i] = x * x
			}
			Adam(w, from[3], m, v, &AdamStep[float32]{
				Gradient[float32]{Limit: 1.5, Scale: 0.7, Decay: 0.01},
				0.99, 0.9, 0.1, 0.99, 0.01, 0.003, 1.7, 1e-8,
			})
		}, nil, false},
	}
}

// ulp is the distance of v from the next float32.
func ulp(v float32) float64 {
	v = float32(math.Abs(float64(v)))
	return float64(math.Nextafter32(v, math.MaxFloat32)) - float64(v)
}

func ulps(n float64) func([][]float32) bound {
	return func([][]float32) bound {
		return func(_ int, want float32) float64 { return n * ulp(want) }
	}
}

func always(v float64) bound {
	return func(int, float32) float64 { return v }
}

// ofOperand is 5e-7 of the largest of x, y and 0.001.
func ofOperand(from [][]float32) bound {
	return func(i int, want float32) float64 {
		return 5e-7 * max(math.Abs(float64(from[0][i])), math.Abs(float64(want)), 1e-3)
	}
}

// ofGradient is 5e-7 of dy, or the last bit of a subnormal. Where dy is infinite it is anything,
// for the slope may be too small for a float32, and infinity times 0 is NaN.
func ofGradient(from [][]float32) bound {
	return func(i int, _ float32) float64 {
		return 5e-7*math.Abs(float64(from[1][i])) + math.SmallestNonzeroFloat32
	}
}

// ofLogarithm is four ulps of a result that is about 1 at least.
func ofLogarithm([][]float32) bound {
	return func(_ int, want float32) float64 { return 4 * max(ulp(want), ulp(1)) }
}

// ofNorm is 3e-6 of a result that is about 1 at least.
func ofNorm([][]float32) bound {
	return func(_ int, want float32) float64 { return 3e-6 * max(math.Abs(float64(want)), 1) }
}

// terms is 1e-6 of the sum of the magnitudes of a * b, or of a.
func terms(a, b []float32) float64 {
	var sum float64
	for i, v := range a {
		if b != nil {
			v *= b[i]
		}
		sum += math.Abs(float64(v))
	}
	return 1e-6 * sum
}

// TestAssemblyIsItsTwin runs each function in assembly and in Go, with all short lengths and
// some long ones, at all places relative to a vector's start. It must give about the same, or
// exactly, as the list says; the same bits at every place; for functions of elements the same
// bits whatever the length; and must write nothing else, and read nothing else into its results.
func TestAssemblyIsItsTwin(t *testing.T) {
	needAssembly(t)
	random := rand.New(rand.NewPCG(1, 2))
	for _, f := range allTwins() {
		long := f.sample(random, 2*light+100)
		whole := f.results(long)
		for _, n := range []int{1000, piece - 1, piece, piece + 1, heavy + 1, light + 1, 2*light + 100} {
			f.compare(t, cut(long, n), n)
		}
		for n := range 71 {
			from := cut(long, n)
			want := f.compare(t, from, n)
			for offset := 1; offset <= 8; offset++ {
				require.True(t, sameBits(want, f.guarded(t, from, offset)), "%s of %d elements at %d", f.name, n, offset)
			}
			if !f.whole {
				require.True(t, sameBits(cut(whole, n), want), "%s of the first %d elements", f.name, n)
			}
		}
	}
}

// TestAssemblyTakesWhatIsSpecial combines all special values, in each lane and alone.
func TestAssemblyTakesWhatIsSpecial(t *testing.T) {
	needAssembly(t)
	inf := float32(math.Inf(1))
	special := []float32{
		float32(math.NaN()), inf, -inf, 0, float32(math.Copysign(0, -1)), 1, -1,
		math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 0x1p-127, -0x1p-127, 0x1p-126,
		math.MaxFloat32, -math.MaxFloat32, 88.8, -88.8, -103.5, -104.5, 16, -16, 1e10, -1e20, 1e-20,
	}
	for _, f := range allTwins() {
		if f.whole {
			continue
		}
		from := make([][]float32, f.inputs)
		for _, a := range special {
			for _, b := range special {
				for i, v := range []float32{a, b, 1, -a}[:f.inputs] {
					from[i] = append(from[i], v)
				}
			}
		}
		f.compare(t, from, len(from[0]))
		for i := range from[0] {
			f.compare(t, slices.Collect(func(yield func([]float32) bool) {
				for _, x := range from {
					yield(x[i : i+1])
				}
			}), 1)
		}
	}
	row := make([]float32, 40)
	for _, a := range special {
		for _, b := range special {
			for i := range row {
				row[i] = float32(i)
			}
			row[3], row[37] = a, b
			for _, f := range allTwins() {
				if f.name == "SoftmaxRow" || f.name == "LogSoftmaxRow" {
					f.compare(t, [][]float32{row}, len(row))
					f.compare(t, [][]float32{{a, b}}, 2)
				}
			}
		}
	}
}

func needAssembly(t *testing.T) {
	if Assembly() == "none" {
		t.Skip("no assembly for this processor, this build, or now")
	}
}

func (f twins) sample(random *rand.Rand, n int) [][]float32 {
	from := make([][]float32, f.inputs)
	for i := range from {
		from[i] = make([]float32, n)
		for j := range from[i] {
			from[i][j] = float32(random.NormFloat64())
		}
	}
	return from
}

func cut(slices [][]float32, n int) [][]float32 {
	var all [][]float32
	for _, x := range slices {
		all = append(all, x[:n:n])
	}
	return all
}

// compare returns what assembly gives.
func (f twins) compare(t *testing.T, from [][]float32, n int) [][]float32 {
	t.Helper()
	got := f.guarded(t, from, 0)
	saved := fast
	fast = loops{}
	want := f.results(from)
	fast = saved
	var within bound
	if f.within != nil {
		within = f.within(from)
	}
	for k := range want {
		for i, w := range want[k] {
			g := got[k][i]
			if !near(g, w, within, i) {
				require.Failf(t, "not its twin", "%s, %d elements: result %d is %v at %d, in Go %v", f.name, n, k, g, i, w)
			}
		}
	}
	return got
}

// near says whether got will do where Go gives want, within a bound that nil stands for 0 of.
func near(got, want float32, within bound, i int) bool {
	if math.Float32bits(got) == math.Float32bits(want) || got != got && want != want {
		return true
	}
	if within == nil {
		return false
	}
	limit := within(i, want)
	return got == want || math.IsInf(limit, 1) || math.Abs(float64(got)-float64(want)) <= limit
}

// results runs f without more ado.
func (f twins) results(from [][]float32) [][]float32 {
	to := make([][]float32, len(f.sizes))
	for k, n := range f.sizes {
		to[k] = make([]float32, n)
		if n == same {
			to[k] = make([]float32, len(from[0]))
		}
	}
	f.run(to, from)
	return to
}

// guarded runs f on slices that begin offset elements after the start of larger ones, and looks
// at what is around them. Around what it reads there is NaN.
func (f twins) guarded(t *testing.T, from [][]float32, offset int) [][]float32 {
	t.Helper()
	const guard = 8
	within := func(n int) (all, x []float32) {
		all = make([]float32, guard+offset+n+guard)
		for i := range all {
			all[i] = float32(math.NaN())
		}
		return all, all[guard+offset : guard+offset+n]
	}
	var around [][]float32
	inputs := make([][]float32, len(from))
	for k, x := range from {
		var all []float32
		all, inputs[k] = within(len(x))
		copy(inputs[k], x)
		around = append(around, all)
	}
	to := make([][]float32, len(f.sizes))
	for k, n := range f.sizes {
		if n == same {
			n = len(from[0])
		}
		var all []float32
		all, to[k] = within(n)
		clear(to[k])
		around = append(around, all)
	}
	f.run(to, inputs)
	require.True(t, sameBits(from, inputs), "%s wrote to what it reads", f.name)
	for _, all := range around {
		for _, v := range slices.Concat(all[:guard+offset], all[len(all)-guard:]) {
			if v == v {
				require.Failf(t, "wrote past an end", "%s, offset %d", f.name, offset)
			}
		}
	}
	return to
}

func sameBits(a, b [][]float32) bool {
	return slices.EqualFunc(a, b, func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(a, b float32) bool {
			return math.Float32bits(a) == math.Float32bits(b)
		})
	})
}
