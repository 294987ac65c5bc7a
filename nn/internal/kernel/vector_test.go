package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

func normals[T Float](random *rand.Rand, n int) []T {
	x := make([]T, n)
	for i := range x {
		x[i] = T(random.NormFloat64())
	}
	return x
}

// TestVectors: each element is what it says, in blocks too, and where the result is an operand.
func TestVectors(t *testing.T) {
	t.Run("float32", testVectors[float32])
	t.Run("float64", testVectors[float64])
}

func testVectors[T Float](t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for _, n := range []int{0, 1, 7, 100, light, 2*light + 3} {
		a, b := normals[T](random, n), normals[T](random, n)
		check := func(name string, y []T, want func(a, b T) T) {
			t.Helper()
			for i := range y {
				if w := want(a[i], b[i]); math.Abs(float64(y[i]-w)) > 1e-6*math.Abs(float64(w)) {
					require.Failf(t, name, "%d elements: %v at %d, not %v", n, y[i], i, w)
				}
			}
		}
		y := make([]T, n)
		Add(y, a, b)
		check("Add", y, func(a, b T) T { return a + b })
		Mul(y, a, b)
		check("Mul", y, func(a, b T) T { return a * b })
		Scale(y, a, 3)
		check("Scale", y, func(a, _ T) T { return 3 * a })
		copy(y, a)
		Axpy(y, 2, a)
		check("Axpy", y, func(a, _ T) T { return a + 2*a })
		copy(y, a)
		AddTo(y, b)
		check("AddTo", y, func(a, b T) T { return a + b })
		copy(y, a)
		Mul(y, y, y)
		check("Mul of one", y, func(a, _ T) T { return a * a })
	}
}

// TestRows: AddRows adds one row to all, and SumRows is what it passes back, of any number of
// rows, none too.
func TestRows(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	for _, width := range []int{1, 5, 33} {
		bias := normals[float64](random, width)
		for _, rows := range []int{0, 1, 16, 17, 16*most + 5, 3000} {
			x, y := normals[float64](random, rows*width), make([]float64, rows*width)
			AddRows(y, x, bias, rows, width)
			sum, want := make([]float64, width), make([]float64, width)
			sum[0] = 1 // which must not stay
			SumRows(sum, x, rows, width)
			for i := range x {
				require.Equal(t, x[i]+bias[i%width], y[i])
				want[i%width] += x[i]
			}
			require.InDeltaSlice(t, want, sum, 1e-11)
		}
	}
}

// TestSumsLoseLittle adds what is no float32 so often that adding one after another would be
// wrong in the third digit.
func TestSumsLoseLittle(t *testing.T) {
	for _, n := range []int{0, 1, 3, 1000, 1 << 22} {
		x := make([]float32, n)
		for i := range x {
			x[i] = 0.1
		}
		want := float64(n) * float64(float32(0.1))
		require.InEpsilon(t, 1+want, 1+float64(Sum(x)), 2e-6)
		require.InEpsilon(t, 1+want*float64(float32(0.1)), 1+float64(Dot(x, x)), 2e-6)
		require.InEpsilon(t, 1+want*float64(float32(0.1)), 1+SumSquares(x), 1e-12)
	}
	require.InEpsilon(t, 1e60, SumSquares([]float64{1e30}), 1e-15)
	require.InEpsilon(t, 2e60, SumSquares([]float32{1e30, 1e30, 1}), 1e-6, "no float32 holds it")
}

// TestSumsOfFloat64 compares with sums of big numbers that cancel.
func TestSumsOfFloat64(t *testing.T) {
	x, y := make([]float64, 2*light+5), make([]float64, 2*light+5)
	for i := range x {
		x[i], y[i] = float64(i), 2
	}
	n := float64(len(x))
	require.Equal(t, n*(n-1)/2, Sum(x))
	require.Equal(t, n*(n-1), Dot(x, y))
	require.InEpsilon(t, (n-1)*n*(2*n-1)/6, SumSquares(x), 1e-15)
}
