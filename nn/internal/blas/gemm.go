// Package blas multiplies matrices: with OpenBLAS where it is found, without cgo, else with
// gonum, and with the same bits on any number of cores. KIBISIS_BLAS or [Choose] says which.
//
// Where A has a 0, gonum does not multiply, so that what is NaN or infinite in B may not show;
// OpenBLAS multiplies.
//
// Matrices are row-major: element (i, j) of a matrix with leading dimension ld is at i*ld+j.
// A slice that is too short for its matrix makes any function here panic, as gonum's do: the
// shapes are the caller's to have checked. The slices are read, and the result written, until
// the function returns, and are not kept.
package blas

import (
	"fmt"
	"sync"

	"github.com/fb777929/kibisis/nn/internal/workers"
)

// Float is what can be multiplied.
type Float interface {
	float32 | float64
}

// Gemm computes C = alpha*op(A)*op(B) + beta*C on all cores, where op(A) is [m, k], op(B)
// [k, n] and C [m, n]. With transA, a holds the transpose of op(A), [k, m], and likewise b.
// With beta 0 C is only written. The work is split by shape alone.
func Gemm[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	r := using[T]()
	rows, cols := split(m, n, k, r.least)
	if rows >= m && cols >= n {
		gemm(r, transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
		return
	}
	p := newProduct[T]()
	p.routines, p.rows, p.cols = r, rows, cols
	p.transA, p.transB, p.m, p.n, p.k = transA, transB, m, n, k
	p.alpha, p.a, p.lda, p.b, p.ldb = alpha, a, lda, b, ldb
	p.beta, p.c, p.ldc = beta, c, ldc
	workers.Run(p.blocks(), p.block)
	p.free()
}

// GemmSerial is Gemm on the calling goroutine alone, for products inside of a block of other
// work. It computes one block; its bits are those of Gemm only where Gemm has one block too.
func GemmSerial[T Float](transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	gemm(using[T](), transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
}

// gemm computes one block with r, after the cases that no library need agree on.
func gemm[T Float](r *routines[T], transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	check(m, n, false, len(c), ldc, "C")
	if m == 0 || n == 0 {
		return
	}
	if k == 0 || alpha == 0 {
		for i := range m {
			scale(beta, c[i*ldc:i*ldc+n])
		}
		return
	}
	check(m, k, transA, len(a), lda, "A")
	check(k, n, transB, len(b), ldb, "B")
	switch {
	case m == 1: // C = op(B)ᵀ * a
		gemv(r, transB, k, n, true, alpha, b, ldb, a, step(!transA, lda), beta, c, 1)
	case n == 1: // C = op(A) * b
		gemv(r, transA, m, k, false, alpha, a, lda, b, step(transB, ldb), beta, c, ldc)
	default:
		r.gemm(transA, transB, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
	}
}

// step is the distance of the elements of a vector that is a row, or a column, of a matrix.
func step(row bool, ld int) int {
	if row {
		return 1
	}
	return ld
}

// scale computes y = beta*y, where beta 0 does not read y.
func scale[T Float](beta T, y []T) {
	switch beta {
	case 0:
		clear(y)
	case 1:
	default:
		for i := range y {
			y[i] *= beta
		}
	}
}

// check panics where a matrix [rows, cols], held transposed with trans, is not inside of a
// slice of length elements.
func check(rows, cols int, trans bool, length, ld int, name string) {
	if trans {
		rows, cols = cols, rows
	}
	if rows < 0 || cols < 0 || ld < max(1, cols) || rows > 0 && cols > 0 && length < (rows-1)*ld+cols {
		panic(fmt.Sprintf("blas: %s of %d x %d with leading dimension %d and %d elements", name, rows, cols, ld, length))
	}
}

// product is a Gemm in work. It is used again and again, so that a product allocates nothing.
type product[T Float] struct {
	block          func(i int) // computes one block of C
	routines       *routines[T]
	transA, transB bool
	m, n, k        int
	alpha, beta    T
	a, b, c        []T
	lda, ldb, ldc  int
	rows, cols     int // of a block
}

var products32, products64 sync.Pool

func productPool[T Float]() *sync.Pool {
	if isFloat32[T]() {
		return &products32
	}
	return &products64
}

func newProduct[T Float]() *product[T] {
	if p, ok := productPool[T]().Get().(*product[T]); ok {
		return p
	}
	p := new(product[T])
	p.block = p.compute
	return p
}

func (p *product[T]) free() {
	p.a, p.b, p.c = nil, nil, nil
	productPool[T]().Put(p)
}

func (p *product[T]) blocks() int {
	return ceil(p.m, p.rows) * ceil(p.n, p.cols)
}

func (p *product[T]) compute(block int) {
	across := ceil(p.n, p.cols)
	i, j := block/across*p.rows, block%across*p.cols
	a, b := p.a[from(i, p.lda, !p.transA):], p.b[from(j, p.ldb, p.transB):]
	gemm(p.routines, p.transA, p.transB, min(p.rows, p.m-i), min(p.cols, p.n-j), p.k,
		p.alpha, a, p.lda, b, p.ldb, p.beta, p.c[i*p.ldc+j:], p.ldc)
}

// from is where the part of a matrix begins that starts at row, or column, i.
func from(i, ld int, row bool) int {
	if row {
		return i * ld
	}
	return i
}

func ceil(n, size int) int { return (n + size - 1) / size }

func isFloat32[T Float]() bool {
	var x T
	_, is := any(x).(float32)
	return is
}
