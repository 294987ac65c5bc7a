package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSoftmaxIsWhatItSays compares both, and their gradients, with the formulas in float64.
func TestSoftmaxIsWhatItSays(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testSoftmax[float32](t, 2e-6) })
	t.Run("float64", func(t *testing.T) { testSoftmax[float64](t, 1e-14) })
}

func testSoftmax[T Float](t *testing.T, within float64) {
	random := rand.New(rand.NewPCG(9, 10))
	for _, width := range []int{1, 2, 9, 40, 5000} {
		const rows = 3
		x, dy := normals[T](random, rows*width), normals[T](random, rows*width)
		Scale(x, x, 10)
		y, dx := make([]T, len(x)), make([]T, len(x))
		logs, dlogs := make([]T, len(x)), make([]T, len(x))
		Softmax(y, x, rows, width)
		SoftmaxGrad(dx, y, dy, rows, width)
		LogSoftmax(logs, x, rows, width)
		LogSoftmaxGrad(dlogs, logs, dy, rows, width)
		for i := range rows {
			var sum, dot, dsum, size float64
			for j := i * width; j < (i+1)*width; j++ {
				sum += math.Exp(float64(x[j]))
			}
			for j := i * width; j < (i+1)*width; j++ {
				p, d := math.Exp(float64(x[j]))/sum, float64(dy[j])
				dot += p * d
				dsum += d
				size += math.Abs(d)
			}
			for j := i * width; j < (i+1)*width; j++ {
				log := float64(x[j]) - math.Log(sum)
				p, d := math.Exp(log), float64(dy[j])
				require.InDelta(t, p, y[j], 10*within*p)
				require.InDelta(t, p*(d-dot), dx[j], 10*within*p*(1+math.Abs(d)))
				require.InDelta(t, log, logs[j], within*max(1, math.Abs(log)))
				require.InDelta(t, d-p*dsum, dlogs[j], 10*within*(math.Abs(d)+p*size))
			}
		}
	}
}

// TestSoftmaxAtTheEnds: nothing overflows, masked elements are 0, a row without any other is 0,
// and NaN fills its row and no other.
func TestSoftmaxAtTheEnds(t *testing.T) {
	t.Run("float32", testSoftmaxEnds[float32])
	t.Run("float64", testSoftmaxEnds[float64])
}

func testSoftmaxEnds[T Float](t *testing.T) {
	inf, nan := T(math.Inf(1)), T(math.NaN())
	softmax := func(x ...T) []T {
		Softmax(x, x, 1, len(x))
		return x
	}
	logs := func(x ...T) []T {
		LogSoftmax(x, x, 1, len(x))
		return x
	}
	require.Equal(t, []T{1, 0}, softmax(30000, -30000))
	require.Equal(t, []T{0, -60000}, logs(30000, -30000))
	require.Equal(t, []T{0.5, 0, 0.5}, softmax(-1e30, -inf, -1e30))
	require.Equal(t, []T{0, -inf}, logs(1, -inf))
	require.Equal(t, []T{0, 0, 0}, softmax(-inf, -inf, -inf))
	require.Equal(t, []T{-inf, -inf}, logs(-inf, -inf))
	require.Empty(t, softmax())

	x := []T{1, 1, nan, -inf, inf, 1, -inf, nan}
	for _, f := range []func(y, x []T, rows, width int){Softmax[T], LogSoftmax[T]} {
		y := make([]T, len(x))
		f(y, x, 4, 2)
		require.False(t, y[0] != y[0] || y[1] != y[1], "%v", y)
		require.True(t, y[2] != y[2] && y[3] != y[3], "%v", y)
		require.True(t, y[4] != y[4], "%v", y)
		require.True(t, y[6] != y[6] && y[7] != y[7], "%v", y)
	}
}
