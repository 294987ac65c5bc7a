package kernel

// This file is the dense layer.

import "github.com/fb777929/kibisis/nn/internal/blas"

// Linear is the shape of y = x Wᵀ + b.
type Linear struct {
	Rows, In, Out int
	InOut         bool // W is (In, Out), and not transposed
}

// LinearForward computes y (Rows, Out) of x (Rows, In), w and bias (Out), which may be nil.
func LinearForward[T Float](k Linear, y, x, w, bias []T) {
	beta := T(0)
	if bias != nil {
		beta = 1
		repeat(y, bias)
	}
	blas.Gemm(false, !k.InOut, k.Rows, k.Out, k.In, 1, x, k.In, w, k.stride(), beta, y, k.Out)
}

// LinearBackward computes those of the gradients dx, dw and dbias that are not nil, of the
// gradient dy of y.
func LinearBackward[T Float](k Linear, dx, dw, dbias, x, w, dy []T) {
	if dx != nil {
		blas.Gemm(false, k.InOut, k.Rows, k.In, k.Out, 1, dy, k.Out, w, k.stride(), 0, dx, k.In)
	}
	if dw != nil {
		if k.InOut {
			blas.Gemm(true, false, k.In, k.Out, k.Rows, 1, x, k.In, dy, k.Out, 0, dw, k.Out)
		} else {
			blas.Gemm(true, false, k.Out, k.In, k.Rows, 1, dy, k.Out, x, k.In, 0, dw, k.In)
		}
	}
	if dbias != nil {
		SumRows(dbias, dy, k.Rows, k.Out)
	}
}

// stride is the width of a row of W.
func (k Linear) stride() int {
	if k.InOut {
		return k.Out
	}
	return k.In
}

// repeat fills the rows of y with copies of one, which may be one of them.
func repeat[T Float](y, one []T) {
	eachRow(len(y)/len(one), len(one), light, func(i int) {
		if to := row(y, i, len(one)); &to[0] != &one[0] {
			copy(to, one)
		}
	})
}
