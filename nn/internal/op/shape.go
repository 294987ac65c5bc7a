package op

// This file is moving numbers: nothing is computed, but nothing is shared either.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Reshape is x's numbers in another shape. One dimension may be -1: it is what the others leave.
func Reshape(t *Tape, x *gorgonia.Node, shape ...int) (*gorgonia.Node, error) {
	to, err := filled(shape, x.Shape().TotalSize())
	if err != nil {
		return nil, fmt.Errorf("%v as %v: %w", x.Shape(), shape, err)
	}
	return Apply(t, to, reshape[float32](), reshape[float64](), x)
}

// filled is shape with its -1 replaced, so that it has size elements.
func filled(shape []int, size int) (tensor.Shape, error) {
	to, open, product := tensor.Shape(append([]int(nil), shape...)), -1, 1
	for i, n := range to {
		switch {
		case n == -1 && open < 0:
			open = i
		case n < 1:
			return nil, fmt.Errorf("dimension %d is %d", i, n)
		default:
			product *= n
		}
	}
	if open >= 0 {
		to[open] = size / product
		product *= to[open]
	}
	if product != size {
		return nil, fmt.Errorf("there are %d numbers", size)
	}
	return to, nil
}

func reshape[T kernel.Float]() Function[T] {
	return Function[T]{
		Name:     "reshape",
		Forward:  func(c *Call[T]) error { copy(c.Out, c.In[0]); return nil },
		Backward: func(c *Call[T]) error { copy(c.DIn[0], c.Grad); return nil },
	}
}

// Select is the tensor at an index of an axis, which is dropped. A negative index counts from
// the end.
func Select(t *Tape, x *gorgonia.Node, axis, index int) (*gorgonia.Node, error) {
	s := x.Shape()
	if axis < 0 || axis >= len(s) || len(s) < 2 {
		return nil, fmt.Errorf("axis %d of %v", axis, s)
	}
	from := index
	if index < 0 {
		from += s[axis]
	}
	if from < 0 || from >= s[axis] {
		return nil, fmt.Errorf("index %d of axis %d of %v", index, axis, s)
	}
	k := part{outer: s[:axis].TotalSize(), axis: s[axis], inner: s[axis+1:].TotalSize(), from: from}
	shape := append(s[:axis].Clone(), s[axis+1:]...)
	return Apply(t, shape, pickOut[float32](k), pickOut[float64](k), x)
}

// part is one index of the middle axis of (outer, axis, inner).
type part struct{ outer, axis, inner, from int }

// in calls f for each run of consecutive numbers: their beginnings in the part and in the whole.
func (k part) in(f func(small, whole int)) {
	for i := range k.outer {
		f(i*k.inner, (i*k.axis+k.from)*k.inner)
	}
}

func pickOut[T kernel.Float](k part) Function[T] {
	return Function[T]{
		Name: "select",
		Forward: func(c *Call[T]) error {
			k.in(func(small, whole int) { copy(c.Out[small:small+k.inner], c.In[0][whole:]) })
			return nil
		},
		Backward: func(c *Call[T]) error {
			clear(c.DIn[0])
			k.in(func(small, whole int) { copy(c.DIn[0][whole:], c.Grad[small:small+k.inner]) })
			return nil
		},
	}
}

// Mean is the mean along an axis, which is dropped.
func Mean(t *Tape, x *gorgonia.Node, axis int) (*gorgonia.Node, error) {
	s := x.Shape()
	if axis < 0 || axis >= len(s) {
		return nil, fmt.Errorf("axis %d of %v", axis, s)
	}
	k := part{outer: s[:axis].TotalSize(), axis: s[axis], inner: s[axis+1:].TotalSize()}
	shape := append(s[:axis].Clone(), s[axis+1:]...)
	return Apply(t, shape, mean[float32](k), mean[float64](k), x)
}

func mean[T kernel.Float](k part) Function[T] {
	each := 1 / T(k.axis)
	return Function[T]{
		Name: "mean",
		Forward: func(c *Call[T]) error {
			k.in(func(small, whole int) {
				sums := c.Out[small : small+k.inner]
				clear(sums)
				for i := range k.axis {
					for j, x := range c.In[0][whole+i*k.inner:][:k.inner] {
						sums[j] += x
					}
				}
				for j := range sums {
					sums[j] *= each
				}
			})
			return nil
		},
		Backward: func(c *Call[T]) error {
			k.in(func(small, whole int) {
				for i := range k.axis {
					to := c.DIn[0][whole+i*k.inner:][:k.inner]
					for j, g := range c.Grad[small : small+k.inner] {
						to[j] = g * each
					}
				}
			})
			return nil
		},
	}
}
