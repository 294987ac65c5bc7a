package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMaxPoolTakesTheFirstOfEqualsAndNaN(t *testing.T) {
	nan := float32(math.NaN())
	k := Pool{Planes: 1, H: 2, W: 10, Window: [2]int{2, 2}, Stride: [2]int{2, 2}}
	x := []float32{
		1, 2, 5, 5, 0, 0, 1, nan, -1, -2,
		3, 3, 5, 5, 0, 0, 2, 3, -3, -1,
	}
	for _, plane := range []func(Pool, []float32, []int32, []float32){maxPlane[float32], maxPairs[float32]} {
		y, at := make([]float32, 5), make([]int32, 5)
		plane(k, y, at, x)
		require.Equal(t, []int32{10, 2, 4, 7, 8}, at)
		require.Equal(t, []float32{3, 5, 0, -1}, []float32{y[0], y[1], y[2], y[4]})
		require.NotEqual(t, y[3], y[3], "NaN is larger than any number")
	}
}
