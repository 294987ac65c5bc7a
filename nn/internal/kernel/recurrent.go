package kernel

// This file is what recurrent layers have in common: the order of steps, and products. A step of
// a reversed layer goes one moment back in time.
//
// Memory is ordered by steps, (T, B, ...), so that what a step multiplies is one piece, and so is
// what all steps do. Row i of such a matrix is step i/B of batch element i%B.

import (
	"github.com/fb777929/kibisis/nn/internal/blas"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// Recurrent is the shape of one layer in one direction.
type Recurrent struct {
	Batch, Steps, In, Hidden int

	Reverse bool // from the last moment to the first
	Final   bool // the result has one row more for each batch element, after the moments: what else a layer ends with
}

// Weights are the parameters of one layer in one direction, or their gradients. G is the width of
// all gates. As gradients, those that are nil are not asked for.
type Weights[T Float] struct {
	X, H   []T // (G, in), (G, H)
	BX, BH []T // (G); nil without
}

// recurrence is the memory of a layer in one run.
type recurrence[T Float] struct {
	Recurrent
	width    int // G
	x        []T // (T, B, in)
	h        []T // (T+1, B, H): the initial state, then that after each step
	ofX, ofH []T // (T, B, G): x W_ihᵀ + b_ih, h W_hhᵀ + b_hh; one memory with the sum of both in layers that only add them

	gradX, gradH []T // (T, B, G): gradients of ofX and ofH; one memory if those are
	dx           []T // (T, B, in)
	dh           []T // (B, H): gradient of the state, of the step in work
}

// newRecurrence makes the memory of the forward pass. apart says that ofX and ofH are two.
func newRecurrence[T Float](k Recurrent, gates int, apart bool) recurrence[T] {
	rows := k.Steps * k.Batch
	r := recurrence[T]{Recurrent: k, width: gates * k.Hidden}
	r.x = make([]T, rows*k.In)
	r.h = make([]T, (rows+k.Batch)*k.Hidden)
	r.ofX = make([]T, rows*r.width)
	if r.ofH = r.ofX; apart {
		r.ofH = make([]T, rows*r.width)
	}
	return r
}

// forward computes all steps. step makes row i of the gates, and row i+B of the states, of what
// was multiplied for row i.
func (r *recurrence[T]) forward(out, x, h0 []T, w Weights[T], step func(i int)) {
	r.begin(r.h, h0)
	eachRow(r.Steps*r.Batch, r.In, light, func(i int) {
		copy(row(r.x, i, r.In), row(x, r.moment(i, r.Steps), r.In))
	})
	r.addBiases(w)
	blas.Gemm(false, true, r.Steps*r.Batch, r.width, r.In, 1, r.x, r.In, w.X, r.In, 1, r.ofX, r.width)
	workers.Blocks(r.Batch, recurrentRows, func(begin, end int) {
		for at := begin; at < r.Steps*r.Batch; at += r.Batch {
			blas.GemmSerial(false, true, end-begin, r.width, r.Hidden, 1,
				r.h[at*r.Hidden:], r.Hidden, w.H, r.Hidden, 1, r.ofH[at*r.width:], r.width)
			for i := at; i < at+end-begin; i++ {
				step(i)
				copy(r.result(out, i), row(r.h, i+r.Batch, r.Hidden))
			}
		}
	})
}

// recurrentRows is how many elements of a batch one core takes through all steps.
const recurrentRows = 16

// begin writes the initial state, zeros for nil, before the first step.
func (r *recurrence[T]) begin(states, initial []T) {
	if n := copy(states[:r.Batch*r.Hidden], initial); n == 0 {
		clear(states[:r.Batch*r.Hidden])
	}
}

// addBiases begins ofX and ofH with what the products are added to.
func (r *recurrence[T]) addBiases(w Weights[T]) {
	clear(r.ofX[:r.width])
	clear(r.ofH[:r.width])
	if w.BX != nil {
		Add(r.ofX[:r.width], r.ofX[:r.width], w.BX)
	}
	if w.BH != nil {
		Add(r.ofH[:r.width], r.ofH[:r.width], w.BH)
	}
	repeat(r.ofX, r.ofX[:r.width])
	if r.apart() {
		repeat(r.ofH, r.ofH[:r.width])
	}
}

func (r *recurrence[T]) apart() bool { return &r.ofX[0] != &r.ofH[0] }

// moment is where row i is found in (B, moments, ...).
func (r *recurrence[T]) moment(i, moments int) int {
	step, b := i/r.Batch, i%r.Batch
	if r.Reverse {
		step = r.Steps - 1 - step
	}
	return b*moments + step
}

// result is where the state after row i is, in the layer's result or its gradient.
func (r *recurrence[T]) result(out []T, i int) []T {
	moments := r.Steps
	if r.Final {
		moments++
	}
	return row(out, r.moment(i, moments), r.Hidden)
}

// final is the row after the moments of batch element b.
func (r *recurrence[T]) final(out []T, b int) []T {
	return row(out, (b+1)*(r.Steps+1)-1, r.Hidden)
}

// isLast says that row i is of the last step.
func (r *recurrence[T]) isLast(i int) bool { return i >= (r.Steps-1)*r.Batch }

// backward computes those of the gradients that are not nil. step has the gradient of the state
// after row i in dh. It makes row i of gradX and gradH of it, and leaves in dh what goes to the
// state before other than through ofH.
func (r *recurrence[T]) backward(dx, dh0, dout []T, w, dw Weights[T], step func(i int, dh []T)) {
	r.allocateGradients()
	workers.Blocks(r.Batch, recurrentRows, func(begin, end int) {
		clear(r.dh[begin*r.Hidden : end*r.Hidden])
		for at := (r.Steps-1)*r.Batch + begin; at >= 0; at -= r.Batch {
			for b := begin; b < end; b++ {
				i, dh := at+b-begin, row(r.dh, b, r.Hidden)
				Add(dh, dh, r.result(dout, i))
				step(i, dh)
			}
			blas.GemmSerial(false, false, end-begin, r.Hidden, r.width, 1,
				r.gradH[at*r.width:], r.width, w.H, r.Hidden, 1, r.dh[begin*r.Hidden:], r.Hidden)
		}
	})
	copy(dh0, r.dh)
	r.weightGradients(dw)
	if dx != nil {
		r.inputGradient(dx, w)
	}
}

func (r *recurrence[T]) allocateGradients() {
	if r.gradX != nil {
		return
	}
	r.dh = make([]T, r.Batch*r.Hidden)
	r.gradX = make([]T, len(r.ofX))
	if r.gradH = r.gradX; r.apart() {
		r.gradH = make([]T, len(r.ofH))
	}
}

// weightGradients are of all steps at once.
func (r *recurrence[T]) weightGradients(dw Weights[T]) {
	rows := r.Steps * r.Batch
	if dw.X != nil {
		blas.Gemm(true, false, r.width, r.In, rows, 1, r.gradX, r.width, r.x, r.In, 0, dw.X, r.In)
	}
	if dw.H != nil {
		blas.Gemm(true, false, r.width, r.Hidden, rows, 1, r.gradH, r.width, r.h, r.Hidden, 0, dw.H, r.Hidden)
	}
	if dw.BX != nil {
		SumRows(dw.BX, r.gradX, rows, r.width)
	}
	switch {
	case dw.BH == nil:
	case dw.BX != nil && !r.apart():
		copy(dw.BH, dw.BX)
	default:
		SumRows(dw.BH, r.gradH, rows, r.width)
	}
}

func (r *recurrence[T]) inputGradient(dx []T, w Weights[T]) {
	if r.dx == nil {
		r.dx = make([]T, len(r.x))
	}
	rows := r.Steps * r.Batch
	blas.Gemm(false, false, rows, r.In, r.width, 1, r.gradX, r.width, w.X, r.In, 0, r.dx, r.In)
	eachRow(rows, r.In, light, func(i int) {
		copy(row(dx, r.moment(i, r.Steps), r.In), row(r.dx, i, r.In))
	})
}
