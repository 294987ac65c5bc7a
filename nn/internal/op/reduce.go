package op

// This file is sums over everything.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Dot is the scalar Σ aᵢ bᵢ of two tensors of one shape.
func Dot(t *Tape, a, b *gorgonia.Node) (*gorgonia.Node, error) {
	if !sameShape(a.Shape(), b.Shape()) {
		return nil, fmt.Errorf("the shapes are %v and %v", a.Shape(), b.Shape())
	}
	return Apply(t, tensor.Shape{}, dot[float32](), dot[float64](), a, b)
}

func dot[T kernel.Float]() Function[T] {
	return Function[T]{
		Name: "dot",
		Forward: func(c *Call[T]) error {
			c.Out[0] = kernel.Dot(c.In[0], c.In[1])
			return nil
		},
		Backward: func(c *Call[T]) error {
			for i, dx := range c.DIn {
				if dx != nil {
					kernel.Scale(dx, c.In[1-i], c.Grad[0])
				}
			}
			return nil
		},
	}
}
