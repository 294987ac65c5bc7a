package op

// This file is normalization of groups of channels.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// GroupNorm gives each group of channels of each image of x (N, C, ...) mean 0 and variance 1, then
// multiplies each channel by gain and adds bias, which may be nil, both or the bias alone.
func GroupNorm(t *Tape, x, gain, bias *gorgonia.Node, groups int, eps float64) (*gorgonia.Node, error) {
	k, err := channels(x)
	if err != nil {
		return nil, err
	}
	if groups < 1 || k.C%groups != 0 {
		return nil, fmt.Errorf("x is %v: %d channels do not make %d groups", x.Shape(), k.C, groups)
	}
	if err := ofChannels(x, k, gain, bias); err != nil {
		return nil, err
	}
	return Apply(t, x.Shape(), groupNorm[float32](k, groups, eps), groupNorm[float64](k, groups, eps), present(x, gain, bias)...)
}

func groupNorm[T kernel.Float](k kernel.Channels, groups int, eps float64) Function[T] {
	var mean, rstd []T
	var wide kernel.WideParams[T]
	return Function[T]{
		Name: "group_norm",
		Forward: func(c *Call[T]) error {
			mean, rstd = sized(mean, k.N*groups), sized(rstd, k.N*groups)
			kernel.GroupNorm(k, groups, &wide, c.Out, c.In[0], at(c.In, 1), at(c.In, 2), mean, rstd, eps)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.GroupNormGrad(k, groups, &wide, c.DIn[0], at(c.DIn, 1), at(c.DIn, 2), c.In[0], mean, rstd, c.Grad)
			return nil
		},
	}
}

// ofChannels is an error where a parameter, unless it is nil, has not one number for each channel.
func ofChannels(x *gorgonia.Node, k kernel.Channels, params ...*gorgonia.Node) error {
	for _, p := range present(params...) {
		if !sameShape(p.Shape(), tensor.Shape{k.C}) {
			return fmt.Errorf("x is %v, and %s is %v, want (%d)", x.Shape(), p.Name(), p.Shape(), k.C)
		}
	}
	return nil
}
