package blas

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// Newer versions of OpenBLAS keep NaN where y is multiplied by 0.
func TestGemvNeverHasALibraryMultiplyByZero(t *testing.T) {
	strict := &routines[float64]{
		gemv: func(_ bool, m, _ int, _ float64, _ []float64, _ int, _ []float64, _ int, beta float64, y []float64, incY int) {
			require.NotZero(t, beta)
			for i := range m {
				y[i*incY] *= beta
			}
		},
	}
	nan := math.NaN()
	y := []float64{nan, nan, nan, nan, nan}
	gemv(strict, false, 3, 1, false, 1, nil, 1, nil, 1, 0, y, 2)
	require.Equal(t, []float64{0, 0, 0}, []float64{y[0], y[2], y[4]})
	require.True(t, math.IsNaN(y[1]) && math.IsNaN(y[3]), "what lies between is somebody else's")
}

func TestRowsAndColumnsAreVectors(t *testing.T) {
	calls := 0
	r := &routines[float64]{ // and gemm is nil
		gemv: func(bool, int, int, float64, []float64, int, []float64, int, float64, []float64, int) { calls++ },
	}
	x := make([]float64, 12)
	gemm(r, false, false, 1, 3, 4, 1, x, 4, x, 3, 1, x, 3)
	gemm(r, false, false, 3, 1, 4, 1, x, 4, x, 1, 1, x, 1)
	require.Equal(t, 2, calls)
}
