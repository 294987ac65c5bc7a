package op

// This file is sums and products of tensors of one shape.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Add is a + b.
func Add(t *Tape, a, b *gorgonia.Node) (*gorgonia.Node, error) {
	if !sameShape(a.Shape(), b.Shape()) {
		return nil, fmt.Errorf("the shapes are %v and %v", a.Shape(), b.Shape())
	}
	return Apply(t, a.Shape(), add[float32](), add[float64](), a, b)
}

func add[T kernel.Float]() Function[T] {
	return Function[T]{
		Name: "add",
		Forward: func(c *Call[T]) error {
			kernel.Add(c.Out, c.In[0], c.In[1])
			return nil
		},
		Backward: func(c *Call[T]) error {
			for _, dx := range c.DIn {
				copy(dx, c.Grad)
			}
			return nil
		},
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
