// Package strided computes which elements a strided array takes, in which
// contiguous runs, and moves the bytes of them. It is arithmetic on axes and loops
// over bytes: it knows no file and no element type, which lets the codec use it for
// slices of stored tensors and package checkpoint for transposed and sliced values.
package strided

import "math"

// An Axis is one axis of an array.
type Axis struct {
	N      int64 // how many indexes
	Stride int64 // elements from one to the next; negative for an axis taken backwards
}

// A Layout says where the elements of an array are: at Start plus, for each
// axis, index times stride; all in elements. The outermost axis comes first.
type Layout struct {
	Start int64
	Axes  []Axis
}

// RowMajor is the layout of a dense array, the last axis contiguous.
func RowMajor(shape []int64) Layout {
	l := Layout{Axes: make([]Axis, len(shape))}
	stride := int64(1)
	for k := len(shape) - 1; k >= 0; k-- {
		l.Axes[k] = Axis{shape[k], stride}
		stride *= shape[k] // wraps only where there are no elements
	}
	return l
}

// Shape returns the length of each axis, cut to the largest int.
func (l Layout) Shape() []int {
	shape := make([]int, len(l.Axes))
	for k, a := range l.Axes {
		shape[k] = int(min(a.N, math.MaxInt))
	}
	return shape
}

// Elements returns how many elements there are.
func (l Layout) Elements() int64 {
	n := int64(1)
	for _, a := range l.Axes {
		if a.N == 0 {
			return 0
		}
		n *= a.N
	}
	return n
}

// Permute returns the layout with its axes in another order: axis k of the
// result is axis order[k] of l. It moves nothing.
func (l Layout) Permute(order []int) Layout {
	p := Layout{Start: l.Start, Axes: make([]Axis, len(order))}
	for k, from := range order {
		p.Axes[k] = l.Axes[from]
	}
	return p
}

// Contiguous reports whether all elements lie in one run, in row-major order.
func (l Layout) Contiguous() bool {
	run := int64(1)
	for k := len(l.Axes) - 1; k >= 0; k-- {
		a := l.Axes[k]
		if a.N != 1 && a.Stride != run {
			return l.Elements() == 0
		}
		run *= a.N
	}
	return true
}

// Span is one more than the largest element offset, for strides that are not
// negative; Start where there are no elements.
func (l Layout) Span() int64 {
	if l.Elements() == 0 {
		return l.Start
	}
	last := l.Start
	for _, a := range l.Axes {
		last += (a.N - 1) * a.Stride
	}
	return last + 1
}
