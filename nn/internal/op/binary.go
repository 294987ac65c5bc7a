package op

// This file is sums and products of tensors of one shape.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Add is a + b, where b has the shape of a, or of its last axes: it is added to each of the others.
func Add(t *Tape, a, b *gorgonia.Node) (*gorgonia.Node, error) {
	leading := a.Dims() - b.Dims()
	if leading < 0 || !sameShape(a.Shape()[leading:], b.Shape()) {
		return nil, fmt.Errorf("the shapes are %v and %v: want one shape, or the last axes of the first", a.Shape(), b.Shape())
	}
	rows, width := a.Shape()[:leading].TotalSize(), b.Shape().TotalSize()
	return Apply(t, a.Shape(), add[float32](rows, width), add[float64](rows, width), a, b)
}

func add[T kernel.Float](rows, width int) Function[T] {
	return Function[T]{
		Name: "add",
		Forward: func(c *Call[T]) error {
			if rows == 1 {
				kernel.Add(c.Out, c.In[0], c.In[1])
			} else {
				kernel.AddRows(c.Out, c.In[0], c.In[1], rows, width)
			}
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.SumRows(c.DIn[1], c.Grad, rows, width)
			return nil
		},
		Passes: []bool{true, rows == 1},
	}
}

// Mul is a * b, number by number.
func Mul(t *Tape, a, b *gorgonia.Node) (*gorgonia.Node, error) {
	if !sameShape(a.Shape(), b.Shape()) {
		return nil, fmt.Errorf("the shapes are %v and %v", a.Shape(), b.Shape())
	}
	return Apply(t, a.Shape(), mul[float32](), mul[float64](), a, b)
}

func mul[T kernel.Float]() Function[T] {
	return Function[T]{
		Name: "mul",
		Forward: func(c *Call[T]) error {
			kernel.Mul(c.Out, c.In[0], c.In[1])
			return nil
		},
		Backward: func(c *Call[T]) error {
			for i, dx := range c.DIn {
				if dx != nil {
					kernel.Mul(dx, c.Grad, c.In[1-i])
				}
			}
			return nil
		},
	}
}

// Scale is c * x.
func Scale(t *Tape, x *gorgonia.Node, by float64) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(), scale[float32](by), scale[float64](by), x)
}

func scale[T kernel.Float](by float64) Function[T] {
	return Function[T]{
		Name: "scale",
		Forward: func(c *Call[T]) error {
			kernel.Scale(c.Out, c.In[0], T(by))
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.Scale(c.DIn[0], c.Grad, T(by))
			return nil
		},
	}
}
