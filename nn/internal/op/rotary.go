package op

// This file is rotary position embedding.

import (
	"fmt"
	"math"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// RotaryOptions are how pairs of numbers are turned.
type RotaryOptions struct {
	Heads       int
	Theta       float64   // the base of the frequencies
	Frequencies []float64 // of each pair, instead of those of Theta; or nil
	Dims        int       // how many numbers of each head are turned; 0: all
	Interleaved bool      // pairs are neighbours, and not halves
}

// Rotary turns the heads of x (B, T, H W) by their positions, an int node (T) or (B, T), or nil
// for 0 to T-1.
func Rotary(t *Tape, x, positions *gorgonia.Node, o RotaryOptions) (*gorgonia.Node, error) {
	if x.Dims() != 3 {
		return nil, fmt.Errorf("x is %v: want (batch, time, width)", x.Shape())
	}
	batch, time, width := x.Shape()[0], x.Shape()[1], x.Shape()[2]
	if o.Heads < 1 || width%o.Heads != 0 {
		return nil, fmt.Errorf("x is %v: its width is not %d heads", x.Shape(), o.Heads)
	}
	width /= o.Heads
	if o.Dims == 0 {
		o.Dims = width
	}
	switch {
	case o.Dims < 0 || o.Dims > width || o.Dims%2 != 0:
		return nil, fmt.Errorf("%d numbers of each head to be turned: want an even number up to %d", o.Dims, width)
	case o.Frequencies != nil && len(o.Frequencies) != o.Dims/2:
		return nil, fmt.Errorf("%d frequencies for %d pairs", len(o.Frequencies), o.Dims/2)
	case positions != nil && positions.Dtype() != tensor.Int:
		return nil, fmt.Errorf("the positions are of %v: want int", positions.Dtype())
	case positions != nil && !sameShape(positions.Shape(), tensor.Shape{time}) && !sameShape(positions.Shape(), tensor.Shape{batch, time}):
		return nil, fmt.Errorf("the positions are %v: want (%d) or (%d, %d)", positions.Shape(), time, batch, time)
	}
	frequencies := o.Frequencies
	if frequencies == nil {
		frequencies = powers(o.Theta, o.Dims)
	}
	return Apply(t, x.Shape(),
		rotary(&kernel.Rotary[float32]{Heads: o.Heads, Width: width, Frequencies: frequencies, Interleaved: o.Interleaved}, time),
		rotary(&kernel.Rotary[float64]{Heads: o.Heads, Width: width, Frequencies: frequencies, Interleaved: o.Interleaved}, time),
		present(x, positions)...)
}

// powers are the frequencies of RoFormer: theta^(-2j/dims).
func powers(theta float64, dims int) []float64 {
	f := make([]float64, dims/2)
	for j := range f {
		f[j] = math.Pow(theta, -float64(2*j)/float64(dims))
	}
	return f
}

func rotary[T kernel.Float](k *kernel.Rotary[T], time int) Function[T] {
	order := make([]int, time)
	for i := range order {
		order[i] = i
	}
	return Function[T]{
		Name: "rotary",
		Forward: func(c *Call[T]) error {
			positions := order
			if len(c.Index) > 1 {
				positions = c.Index[1]
			}
			k.Prepare(positions)
			k.Rotate(c.Out, c.In[0], 1)
			return nil
		},
		Backward: func(c *Call[T]) error {
			k.Rotate(c.DIn[0], c.Grad, -1)
			return nil
		},
	}
}
