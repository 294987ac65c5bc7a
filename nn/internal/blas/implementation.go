package blas

// This file is what Gorgonia's own ops are given.

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// Implementation is a BLAS for tensor.Use: gemm and gemv are those of this package, with the
// library in use at each call, and all else is gonum.
type Implementation struct {
	gonum.Implementation
}

// String is Name, which checkpoints record, or what is wrong where that is an error.
func (Implementation) String() string {
	name, err := Name()
	if err != nil {
		return "none: " + err.Error()
	}
	return name
}

// Sgemm computes C = alpha*op(A)*op(B) + beta*C.
func (Implementation) Sgemm(tA, tB blas.Transpose, m, n, k int, alpha float32, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) {
	Gemm(tA != blas.NoTrans, tB != blas.NoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Dgemm computes C = alpha*op(A)*op(B) + beta*C.
func (Implementation) Dgemm(tA, tB blas.Transpose, m, n, k int, alpha float64, a []float64, lda int, b []float64, ldb int, beta float64, c []float64, ldc int) {
	Gemm(tA != blas.NoTrans, tB != blas.NoTrans, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// Sgemv computes y = alpha*op(A)*x + beta*y.
func (i Implementation) Sgemv(tA blas.Transpose, m, n int, alpha float32, a []float32, lda int, x []float32, incX int, beta float32, y []float32, incY int) {
	if incX <= 0 || incY <= 0 { // vectors that run backwards
		i.Implementation.Sgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	asGemm(tA != blas.NoTrans, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// Dgemv computes y = alpha*op(A)*x + beta*y.
func (i Implementation) Dgemv(tA blas.Transpose, m, n int, alpha float64, a []float64, lda int, x []float64, incX int, beta float64, y []float64, incY int) {
	if incX <= 0 || incY <= 0 {
		i.Implementation.Dgemv(tA, m, n, alpha, a, lda, x, incX, beta, y, incY)
		return
	}
	asGemm(tA != blas.NoTrans, m, n, alpha, a, lda, x, incX, beta, y, incY)
}

// asGemm takes x and y for matrices of one column. As BLAS has it, m and n are the sides of a
// as it is held.
func asGemm[T Float](trans bool, m, n int, alpha T, a []T, lda int, x []T, incX int, beta T, y []T, incY int) {
	if trans {
		m, n = n, m
	}
	Gemm(trans, false, m, 1, n, alpha, a, lda, x, incX, beta, y, incY)
}
