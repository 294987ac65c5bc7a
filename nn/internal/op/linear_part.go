package op

// This file is some of the outputs of a dense layer.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// LinearPart is outputs from to from+out-1 of the dense layer y = x Wᵀ + b: x (..., in) gives
// (..., out), w is (all, in) and b (all) or nil.
func LinearPart(t *Tape, x, w, b *gorgonia.Node, from, out int) (*gorgonia.Node, error) {
	rows, in, err := lastAxis(x)
	if err != nil {
		return nil, err
	}
	if w.Dims() != 2 || w.Shape()[1] != in || from < 0 || out < 1 || from+out > w.Shape()[0] {
		return nil, fmt.Errorf("x is %v, and outputs %d to %d are of a weight %v", x.Shape(), from, from+out-1, w.Shape())
	}
	shape := x.Shape().Clone()
	shape[len(shape)-1] = out
	k := kernel.Linear{Rows: rows, In: in, Out: out}
	return Apply(t, shape, linearPart[float32](k, from), linearPart[float64](k, from), present(x, w, b)...)
}

func linearPart[T kernel.Float](k kernel.Linear, from int) Function[T] {
	weights := func(w []T) []T { return piece(w, from*k.In, k.Out*k.In) }
	biases := func(b []T) []T { return piece(b, from, k.Out) }
	return Function[T]{
		Name: "linear_part",
		Forward: func(c *Call[T]) error {
			kernel.LinearForward(k, c.Out, c.In[0], weights(c.In[1]), biases(at(c.In, 2)))
			return nil
		},
		Backward: func(c *Call[T]) error {
			dw, db := c.DIn[1], at(c.DIn, 2)
			clearOthers(dw, from*k.In, k.Out*k.In)
			clearOthers(db, from, k.Out)
			kernel.LinearBackward(k, c.DIn[0], weights(dw), biases(db), c.In[0], weights(c.In[1]), c.Grad)
			return nil
		},
	}
}

// clearOthers clears what is not in piece.
func clearOthers[T any](x []T, from, n int) {
	if x != nil {
		clear(x[:from])
		clear(x[from+n:])
	}
}

// piece is n elements of x, and nil of nil.
func piece[T any](x []T, from, n int) []T {
	if x == nil {
		return nil
	}
	return x[from : from+n]
}
