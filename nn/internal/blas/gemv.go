package blas

// This file multiplies a matrix and a vector, which libraries are slow at when they take the
// vector for a matrix.

// gemv computes y = alpha*op(A)*x + beta*y for op(A) [m, n], or its transpose [n, m] with
// flip. With trans, a holds the transpose of op(A). The elements of x and y are incX and incY
// apart.
func gemv[T Float](r *routines[T], trans bool, m, n int, flip bool, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	rows, cols := m, n // as a holds them
	if trans {
		rows, cols = n, m
	}
	length := m
	if flip {
		length = n
	}
	if beta == 0 { // libraries differ in what becomes of NaN
		for i := range length {
			y[i*incY] = 0
		}
		beta = 1
	}
	r.gemv(trans != flip, rows, cols, alpha, a, lda, x, incX, beta, y, incY)
}
