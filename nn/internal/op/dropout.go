package op

// This file is dropout.

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Dropout zeroes a share p of x's numbers and divides the others by 1-p. Each run draws one
// number from the source, which says what is dropped.
func Dropout(t *Tape, x *gorgonia.Node, p float64, source rand.Source) (*gorgonia.Node, error) {
	if !(p >= 0 && p <= 1) {
		return nil, fmt.Errorf("a share of %v cannot be dropped: want 0 to 1", p)
	}
	return Apply(t, x.Shape(), dropout[float32](p, source), dropout[float64](p, source), x)
}

func dropout[T kernel.Float](p float64, source rand.Source) Function[T] {
	var seed uint64
	return Function[T]{
		Name: "dropout",
		Forward: func(c *Call[T]) error {
			seed = source.Uint64()
			kernel.Dropout(c.Out, c.In[0], seed, p)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.Dropout(c.DIn[0], c.Grad, seed, p)
			return nil
		},
	}
}
