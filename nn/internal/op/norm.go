package op

// This file is normalisation of rows along the last axis.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// LayerNorm gives each row mean 0 and variance 1, then multiplies by gain and adds bias, which may
// be nil, both or the bias alone.
func LayerNorm(t *Tape, x, gain, bias *gorgonia.Node, eps float64) (*gorgonia.Node, error) {
	rows, width, err := normalised(x, gain, bias)
	if err != nil {
		return nil, err
	}
	return Apply(t, x.Shape(), layerNorm[float32](rows, width, eps), layerNorm[float64](rows, width, eps), present(x, gain, bias)...)
}

func layerNorm[T kernel.Float](rows, width int, eps float64) Function[T] {
	var mean, rstd []T
	return Function[T]{
		Name: "layer_norm",
		Forward: func(c *Call[T]) error {
			mean, rstd = sized(mean, rows), sized(rstd, rows)
			kernel.LayerNorm(c.Out, c.In[0], at(c.In, 1), at(c.In, 2), mean, rstd, rows, width, eps)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.LayerNormGrad(c.DIn[0], at(c.DIn, 1), at(c.DIn, 2), c.In[0], at(c.In, 1), mean, rstd, c.Grad, rows, width)
			return nil
		},
	}
}

// RMSNorm divides each row by the root of its mean square, then multiplies by gain, which may be nil.
func RMSNorm(t *Tape, x, gain *gorgonia.Node, eps float64) (*gorgonia.Node, error) {
	rows, width, err := normalised(x, gain, nil)
	if err != nil {
		return nil, err
	}
	return Apply(t, x.Shape(), rmsNorm[float32](rows, width, eps), rmsNorm[float64](rows, width, eps), present(x, gain)...)
}

func rmsNorm[T kernel.Float](rows, width int, eps float64) Function[T] {
	var rstd []T
	return Function[T]{
		Name: "rms_norm",
		Forward: func(c *Call[T]) error {
			rstd = sized(rstd, rows)
			kernel.RMSNorm(c.Out, c.In[0], at(c.In, 1), rstd, rows, width, eps)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.RMSNormGrad(c.DIn[0], at(c.DIn, 1), c.In[0], at(c.In, 1), rstd, c.Grad, rows, width)
			return nil
		},
	}
}

// normalised is x as a matrix, if the gain and the bias have its width.
func normalised(x, gain, bias *gorgonia.Node) (rows, width int, err error) {
	if rows, width, err = lastAxis(x); err != nil {
		return 0, 0, err
	}
	for _, p := range present(gain, bias) {
		if !sameShape(p.Shape(), tensor.Shape{width}) {
			return 0, 0, fmt.Errorf("x is %v, and %s is %v, want (%d)", x.Shape(), p.Name(), p.Shape(), width)
		}
	}
	return rows, width, nil
}
