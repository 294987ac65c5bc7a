package op

// This file is the dense layer.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A Layout is how a dense layer's weights lie.
type Layout bool

// The two layouts.
const (
	OutIn Layout = false // (out, in), as torch.nn.Linear has them
	InOut Layout = true  // (in, out), as GPT-2's Conv1D has them
)

// Linear is y = x Wᵀ + b, or x W + b for InOut: x (..., in), y (..., out). b may be nil.
func Linear(t *Tape, x, w, b *gorgonia.Node, layout Layout) (*gorgonia.Node, error) {
	if w.Dims() != 2 || x.Dims() == 0 {
		return nil, fmt.Errorf("x is %v and the weight %v: want (..., in) and a matrix", x.Shape(), w.Shape())
	}
	out, in := w.Shape()[0], w.Shape()[1]
	if layout == InOut {
		out, in = in, out
	}
	width := x.Shape()[x.Dims()-1]
	if width != in {
		return nil, fmt.Errorf("x is %v, and the layer takes (..., %d)", x.Shape(), in)
	}
	operands := gorgonia.Nodes{x, w}
	if b != nil {
		if !sameShape(b.Shape(), tensor.Shape{out}) {
			return nil, fmt.Errorf("the bias is %v, want (%d)", b.Shape(), out)
		}
		operands = append(operands, b)
	}
	shape := x.Shape().Clone()
	shape[len(shape)-1] = out
	k := kernel.Linear{Rows: x.Shape().TotalSize() / in, In: in, Out: out, InOut: bool(layout)}
	return Apply(t, shape, linear[float32](k), linear[float64](k), operands...)
}

func linear[T kernel.Float](k kernel.Linear) Function[T] {
	return Function[T]{
		Name: "linear",
		Forward: func(c *Call[T]) error {
			kernel.LinearForward(k, c.Out, c.In[0], c.In[1], at(c.In, 2))
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.LinearBackward(k, c.DIn[0], c.DIn[1], at(c.DIn, 2), c.In[0], c.In[1], c.Grad)
			return nil
		},
	}
}
