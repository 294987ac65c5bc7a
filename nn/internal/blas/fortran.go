//go:build !purego && ((linux && !android) || (darwin && !ios)) && (amd64 || arm64)

package blas

// This file calls gemm and gemv of Fortran's BLAS, which are column-major and take all
// arguments by address.

import (
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// call is the arguments of one call, and their addresses in the order in which they are
// passed. It is on the heap, where nothing moves, and used again, so that a call allocates
// nothing. The processors here are little-endian: an int64 is read right by libraries with
// integers of 32 bits as well as of 64.
type call[T Float] struct {
	transA, transB         byte
	m, n, k, lda, ldb, ldc int64
	alpha, beta            T
	a, b, c                unsafe.Pointer // keep slices alive, and off stacks, which move

	addresses [15]uintptr
}

// oneByte is the length of a string of one character, which Fortran passes behind all else.
const oneByte = 1

func address[P any](p *P) uintptr { return uintptr(unsafe.Pointer(p)) }

// fortranGemm calls gemm at symbol. A row-major matrix is its transpose column-major, so what
// is computed is Cᵀ = op(B)ᵀ * op(A)ᵀ.
func fortranGemm[T Float](symbol uintptr, limit *gate) gemmFunc[T] {
	calls := sync.Pool{New: func() any {
		x := new(call[T])
		x.addresses = [15]uintptr{
			address(&x.transB), address(&x.transA), address(&x.n), address(&x.m), address(&x.k),
			address(&x.alpha), 6: 0, 7: address(&x.ldb), 8: 0, 9: address(&x.lda),
			10: address(&x.beta), 11: 0, 12: address(&x.ldc), 13: oneByte, 14: oneByte,
		}
		return x
	}}
	return func(transA, transB bool, m, n, k int, alpha T, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
		x := calls.Get().(*call[T])
		x.transA, x.transB, x.alpha, x.beta = letter(transA), letter(transB), alpha, beta
		x.m, x.n, x.k, x.lda, x.ldb, x.ldc = int64(m), int64(n), int64(k), int64(lda), int64(ldb), int64(ldc)
		x.keep(a, b, c)
		x.addresses[6], x.addresses[8], x.addresses[11] = uintptr(x.b), uintptr(x.a), uintptr(x.c)
		limit.enter()
		purego.SyscallN(symbol, x.addresses[:]...)
		limit.leave()
		x.keep(nil, nil, nil)
		calls.Put(x)
	}
}

// fortranGemv calls gemv at symbol, for the transpose of the matrix likewise.
func fortranGemv[T Float](symbol uintptr, limit *gate) gemvFunc[T] {
	calls := sync.Pool{New: func() any {
		x := new(call[T])
		x.addresses = [15]uintptr{
			address(&x.transA), address(&x.n), address(&x.m), address(&x.alpha),
			4: 0, 5: address(&x.lda), 6: 0, 7: address(&x.ldb), 8: address(&x.beta), 9: 0, 10: address(&x.ldc), 11: oneByte,
		}
		return x
	}}
	return func(trans bool, m, n int, alpha T, a []T, lda int, v []T, incV int, beta T, y []T, incY int) {
		x := calls.Get().(*call[T])
		x.transA, x.alpha, x.beta = letter(!trans), alpha, beta
		x.m, x.n, x.lda, x.ldb, x.ldc = int64(m), int64(n), int64(lda), int64(incV), int64(incY)
		x.keep(a, v, y)
		x.addresses[4], x.addresses[6], x.addresses[9] = uintptr(x.a), uintptr(x.b), uintptr(x.c)
		limit.enter()
		purego.SyscallN(symbol, x.addresses[:12]...)
		limit.leave()
		x.keep(nil, nil, nil)
		calls.Put(x)
	}
}

func (x *call[T]) keep(a, b, c []T) {
	x.a = unsafe.Pointer(unsafe.SliceData(a))
	x.b = unsafe.Pointer(unsafe.SliceData(b))
	x.c = unsafe.Pointer(unsafe.SliceData(c))
}

func letter(trans bool) byte {
	if trans {
		return 'T'
	}
	return 'N'
}

// gate holds back calls beyond those that OpenBLAS has buffers for: it ends the process
// where they run out. Go starts a thread more for each call that takes long, so that there
// can be as many at a time as there are goroutines.
type gate struct {
	most   int32
	inside atomic.Int32
}

// newGate reads from openblas_get_config how many threads a library was built for: it has
// buffers for twice as many, and for 50 at least.
func newGate(config string) *gate {
	return &gate{most: int32(min(max(48, mostThreads(config)), 1<<20))}
}

func (g *gate) enter() {
	for g.inside.Add(1) > g.most {
		g.inside.Add(-1)
		time.Sleep(20 * time.Microsecond)
	}
}

func (g *gate) leave() {
	g.inside.Add(-1)
}
