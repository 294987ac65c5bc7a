package op

// This file is how values of Gorgonia are slices.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A result is the output of a node: one memory for all runs.
type result[T kernel.Float] struct {
	data  []T
	dense *tensor.Dense // nil for a scalar
}

func newResult[T kernel.Float](shape tensor.Shape) *result[T] {
	r := &result[T]{data: make([]T, shape.TotalSize())}
	if shape.Dims() > 0 {
		r.dense = tensor.New(tensor.WithShape(shape.Clone()...), tensor.WithBacking(r.data))
	}
	return r
}

func (r *result[T]) value() gorgonia.Value {
	if r.dense != nil {
		return r.dense
	}
	switch x := any(r.data[0]).(type) {
	case float32:
		return gorgonia.NewF32(x)
	default:
		return gorgonia.NewF64(x.(float64))
	}
}

// read makes slices of the values, which must have the given shapes.
func read[T kernel.Float](c *Call[T], values []gorgonia.Value, shapes []tensor.Shape) error {
	if c.In == nil {
		c.In, c.Index = make([][]T, len(shapes)), make([][]int, len(shapes))
	}
	for i, v := range values {
		if got, want := v.Shape(), shapes[i]; !sameShape(got, want) {
			return fmt.Errorf("input %d has shape %v at run time, and had %v when the graph was built", i, got, want)
		}
		var err error
		if v.Dtype() == tensor.Int {
			c.Index[i], err = slice[int](v)
		} else {
			c.In[i], err = slice[T](v)
		}
		if err != nil {
			return fmt.Errorf("input %d: %w", i, err)
		}
	}
	return nil
}

// sameShape compares dimension by dimension. (tensor.Shape.Eq takes vectors of different
// orientation for equal.)
func sameShape(a, b tensor.Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// slice is the elements of v in row-major order: its own memory, or a copy if they lie in
// another order.
func slice[T float32 | float64 | int](v gorgonia.Value) ([]T, error) {
	data := v.Data()
	if x, ok := data.(T); ok { // a scalar
		return []T{x}, nil
	}
	all, ok := data.([]T)
	if !ok {
		return nil, fmt.Errorf("a value of %T: want %T", data, all)
	}
	d, ok := v.(*tensor.Dense)
	if !ok || len(all) == d.Shape().TotalSize() && rowMajor(d.Shape(), d.Strides()) {
		return all, nil
	}
	return gather(all, d.Shape(), d.Strides()), nil
}

func rowMajor(shape tensor.Shape, strides []int) bool {
	want := 1
	for i := len(shape) - 1; i >= 0; i-- {
		if shape[i] != 1 && strides[i] != want {
			return false
		}
		want *= shape[i]
	}
	return true
}

// gather copies elements that lie as the strides say. It serves slices and transposed tensors
// of Gorgonia's own ops.
func gather[T any](all []T, shape tensor.Shape, strides []int) []T {
	out := make([]T, 0, shape.TotalSize())
	at := make([]int, len(shape))
	for range cap(out) {
		offset := 0
		for i, x := range at {
			offset += x * strides[i]
		}
		out = append(out, all[offset])
		for i := len(at) - 1; i >= 0; i-- {
			if at[i]++; at[i] < shape[i] {
				break
			}
			at[i] = 0
		}
	}
	return out
}
