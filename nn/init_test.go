package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func drawn(init Init, shape ...int) []float64 {
	values := make([]float64, tensor.Shape(shape).TotalSize())
	for i := range values {
		values[i] = math.NaN()
	}
	init(rand.New(rand.NewPCG(1, 2)), shape, values)
	return values
}

// moments are the mean, the standard deviation and the bounds of some numbers.
func moments(values []float64) (mean, deviation, low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, x := range values {
		mean += x / float64(len(values))
		low, high = min(low, x), max(high, x)
	}
	for _, x := range values {
		deviation += (x - mean) * (x - mean) / float64(len(values))
	}
	return mean, math.Sqrt(deviation), low, high
}

// TestDistributions compares mean and deviation with theory, within five deviations of what so
// many numbers give, and the largest and the smallest with the bounds.
func TestDistributions(t *testing.T) {
	uniform := func(bound float64) [4]float64 { return [4]float64{0, bound / math.Sqrt(3), -bound, bound} }
	normal := func(mean, deviation float64) [4]float64 {
		return [4]float64{mean, deviation, math.Inf(-1), math.Inf(1)}
	}
	const cut = 0.5396           // deviation of a standard normal variable between -1 and 1
	shape := []int{40, 5, 4, 10} // 40 out of 200
	for name, c := range map[string]struct {
		init Init
		want [4]float64 // mean, deviation, low, high
	}{
		"uniform":         {Uniform(-1, 3), [4]float64{1, 2 / math.Sqrt(3), -1, 3}},
		"normal":          {Normal(2, 0.5), normal(2, 0.5)},
		"truncated":       {TruncatedNormal(1, 2, -1, 3), [4]float64{1, 2 * cut, -1, 3}},
		"kaiming uniform": {KaimingUniform(0), uniform(math.Sqrt(6.0 / 200))},
		"pytorch linear":  {KaimingUniform(math.Sqrt(5)), uniform(1 / math.Sqrt(200))},
		"kaiming normal":  {KaimingNormal(1), normal(0, math.Sqrt(1.0/200))},
		"xavier uniform":  {XavierUniform(2), uniform(2 * math.Sqrt(6.0/(200+40*40)))},
		"xavier normal":   {XavierNormal(3), normal(0, 3*math.Sqrt(2.0/(200+40*40)))},
		"fan in":          {fanIn(25), uniform(0.2)},
	} {
		values := drawn(c.init, shape...)
		mean, deviation, low, high := moments(values)
		require.InDelta(t, c.want[0], mean, 5*c.want[1]/math.Sqrt(float64(len(values))), "mean of %s", name)
		require.InEpsilon(t, c.want[1], deviation, 5/math.Sqrt(2*float64(len(values))), "deviation of %s", name)
		require.GreaterOrEqual(t, low, c.want[2], "bound of %s", name)
		require.LessOrEqual(t, high, c.want[3], "bound of %s", name)
		if !math.IsInf(c.want[3], 1) {
			require.InDelta(t, c.want[3], high, (c.want[3]-c.want[2])/500, "bound of %s", name)
			require.InDelta(t, c.want[2], low, (c.want[3]-c.want[2])/500, "bound of %s", name)
		} else {
			require.Greater(t, high-mean, 3*deviation, "the tail of %s", name)
		}
	}
}

// TestFans: outputs are first, then inputs, then the window.
func TestFans(t *testing.T) {
	for _, c := range []struct {
		shape   tensor.Shape
		in, out float64
	}{
		{tensor.Shape{}, 1, 1},
		{tensor.Shape{7}, 7, 7},
		{tensor.Shape{7, 3}, 3, 7},
		{tensor.Shape{7, 3, 2, 5}, 30, 70},
	} {
		in, out := fans(c.shape)
		require.Equal(t, []float64{c.in, c.out}, []float64{in, out}, "%v", c.shape)
	}
}

func TestConstants(t *testing.T) {
	require.Equal(t, []float64{0, 0}, drawn(Zeros, 2))
	require.Equal(t, []float64{1, 1}, drawn(Ones, 2))
	require.Equal(t, []float64{-2.5, -2.5}, drawn(Constant(-2.5), 2))
}

// TestATruncatedNormalFarOut: bounds that hardly any number falls between take no longer, and hold.
func TestATruncatedNormalFarOut(t *testing.T) {
	_, _, low, high := moments(drawn(TruncatedNormal(0, 1, 4, 4.5), 2000))
	require.GreaterOrEqual(t, low, 4.0)
	require.LessOrEqual(t, high, 4.5)
	_, _, low, high = moments(drawn(TruncatedNormal(0, 1, 20, 21), 10)) // beyond what the error function tells apart
	require.GreaterOrEqual(t, low, 20.0)
	require.LessOrEqual(t, high, 21.0)
}

// TestOrthogonal: the product of the matrix and its transpose is the square of gain, on the smaller side.
func TestOrthogonal(t *testing.T) {
	for _, shape := range [][]int{{5, 5}, {3, 8}, {8, 3}, {4, 2, 3}, {1, 6}, {6, 1}, {7}} {
		const gain = 1.5
		values := drawn(Orthogonal(gain), shape...)
		rows, cols := shape[0], len(values)/shape[0]
		n, at := rows, func(i, j int) float64 { return values[i*cols+j] }
		if rows > cols {
			n, at = cols, func(i, j int) float64 { return values[j*cols+i] }
		}
		for a := range n {
			for b := range n {
				sum := 0.0
				for j := range len(values) / n {
					sum += at(a, j) * at(b, j)
				}
				want := 0.0
				if a == b {
					want = gain * gain
				}
				require.InDelta(t, want, sum, 1e-14, "%v: %d and %d", shape, a, b)
			}
		}
	}
	require.Equal(t, 2.0, math.Abs(drawn(Orthogonal(2))[0]), "a scalar")
}

// TestOrthogonalHasNoDirection: signs and places are as likely as any other, which QR without care for
// the signs of R would not give.
func TestOrthogonalHasNoDirection(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	sum, square, n := 0.0, 0.0, 4000
	for range n {
		m := make([]float64, 9)
		Orthogonal(1)(rng, tensor.Shape{3, 3}, m)
		sum += m[0]
		square += m[8] * m[8]
	}
	require.InDelta(t, 0, sum/float64(n), 5*math.Sqrt(1.0/3/float64(n)))
	require.InDelta(t, 1.0/3, square/float64(n), 0.03)
}
