package op

// This file is soft-max along the last axis.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Softmax is exp(x) / Σ exp(x) along the last axis.
func Softmax(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	rows, width, err := lastAxis(x)
	if err != nil {
		return nil, err
	}
	return Apply(t, x.Shape(),
		alongRows("softmax", rows, width, kernel.Softmax[float32], kernel.SoftmaxGrad[float32]),
		alongRows("softmax", rows, width, kernel.Softmax[float64], kernel.SoftmaxGrad[float64]), x)
}

// LogSoftmax is the logarithm of Softmax.
func LogSoftmax(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	rows, width, err := lastAxis(x)
	if err != nil {
		return nil, err
	}
	return Apply(t, x.Shape(),
		alongRows("log_softmax", rows, width, kernel.LogSoftmax[float32], kernel.LogSoftmaxGrad[float32]),
		alongRows("log_softmax", rows, width, kernel.LogSoftmax[float64], kernel.LogSoftmaxGrad[float64]), x)
}

// lastAxis is x as a matrix whose rows are along its last axis.
func lastAxis(x *gorgonia.Node) (rows, width int, err error) {
	if x.Dims() == 0 {
		return 0, 0, errors.New("x is a scalar: want a last axis")
	}
	width = x.Shape()[x.Dims()-1]
	return x.Shape().TotalSize() / width, width, nil
}

func alongRows[T kernel.Float](name string, rows, width int, forward func(y, x []T, rows, width int), backward func(dx, y, dy []T, rows, width int)) Function[T] {
	return Function[T]{
		Name:     name,
		Forward:  func(c *Call[T]) error { forward(c.Out, c.In[0], rows, width); return nil },
		Backward: func(c *Call[T]) error { backward(c.DIn[0], c.Out, c.Grad, rows, width); return nil },
	}
}
