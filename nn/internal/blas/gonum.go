package blas

// This file is gonum, one goroutine at a time.

import (
	"runtime/debug"
	"strings"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

var native gonum.Implementation

func gonumBackend() *backend {
	return &backend{
		name: "gonum" + version("gonum.org/v1/gonum"),
		f32:  routines[float32]{gemm: tiled(native.Sgemm), gemv: rowMajor(native.Sgemv), least: 1 << 17},
		f64:  routines[float64]{gemm: tiled(native.Dgemm), gemv: rowMajor(native.Dgemv), least: 1 << 17},
	}
}

// version is a space and the version of a module in this program, where that is known.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == module {
			return " " + strings.TrimPrefix(m.Version, "v")
		}
	}
	return ""
}

// tile is the side of the pieces that gonum itself cuts a large product into. It computes
// one piece without starting goroutines.
const tile = 64

// tiled makes of a gemm of gonum one that stays on its goroutine.
func tiled[T Float](multiply func(tA, tB blas.Transpose, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int)) gemmFunc[T] {
	return func(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
		for i := 0; i < m; i += tile {
			for j := 0; j < n; j += tile {
				beta := beta
				for l := 0; l < k; l += tile {
					multiply(transpose(transA), transpose(transB), min(tile, m-i), min(tile, n-j), min(tile, k-l),
						alpha, a[from(i, lda, !transA)+from(l, lda, transA):], lda,
						b[from(l, ldb, !transB)+from(j, ldb, transB):], ldb, beta, c[i*ldc+j:], ldc)
					beta = 1
				}
			}
		}
	}
}

func rowMajor[T Float](multiply func(t blas.Transpose, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int)) gemvFunc[T] {
	return func(trans bool, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
		multiply(transpose(trans), m, n, alpha, a, lda, x, incX, beta, y, incY)
	}
}

func transpose(trans bool) blas.Transpose {
	if trans {
		return blas.Trans
	}
	return blas.NoTrans
}
