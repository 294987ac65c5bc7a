package op

// This file is losses of numbers against targets of the same shape.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// MSE is the scalar mean, or sum, of (x - target)².
func MSE(t *Tape, x, target *gorgonia.Node, sum bool) (*gorgonia.Node, error) {
	each, err := share(x, target, sum)
	if err != nil {
		return nil, err
	}
	return Apply(t, tensor.Shape{}, mse[float32](each), mse[float64](each), x, target)
}

func mse[T kernel.Float](each float64) Function[T] {
	return Function[T]{
		Name: "mse_loss",
		Forward: func(c *Call[T]) error {
			c.Out[0] = T(each * kernel.SquaredError(c.In[0], c.In[1]))
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.SquaredErrorGrad(c.DIn[0], c.DIn[1], c.In[0], c.In[1], T(each)*c.Grad[0])
			return nil
		},
	}
}

// BCEWithLogits is the scalar mean, or sum, of the binary cross entropies of logits x. positive
// are factors of what targets of 1 cost: one, or as many as the last axis is long; nil is 1.
func BCEWithLogits(t *Tape, x, target *gorgonia.Node, positive []float64, sum bool) (*gorgonia.Node, error) {
	each, err := share(x, target, sum)
	if err != nil {
		return nil, err
	}
	switch {
	case positive == nil:
		positive = []float64{1}
	case len(positive) == 1:
	case x.Dims() == 0 || len(positive) != x.Shape()[x.Dims()-1]:
		return nil, fmt.Errorf("x is %v, and there are %d weights: want 1, or those of the last axis", x.Shape(), len(positive))
	}
	return Apply(t, tensor.Shape{},
		bce(each, floats[float32](positive)), bce(each, floats[float64](positive)), x, target)
}

func bce[T kernel.Float](each float64, positive []T) Function[T] {
	return Function[T]{
		Name: "bce_with_logits",
		Forward: func(c *Call[T]) error {
			c.Out[0] = T(each * kernel.BinaryEntropy(c.In[0], c.In[1], positive))
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.BinaryEntropyGrad(c.DIn[0], c.DIn[1], c.In[0], c.In[1], positive, T(each)*c.Grad[0])
			return nil
		},
	}
}

// share is what the loss of each number is multiplied by.
func share(x, target *gorgonia.Node, sum bool) (float64, error) {
	if !sameShape(x.Shape(), target.Shape()) {
		return 0, fmt.Errorf("x is %v and the target %v: want one shape", x.Shape(), target.Shape())
	}
	if sum {
		return 1, nil
	}
	return 1 / float64(x.Shape().TotalSize()), nil
}
