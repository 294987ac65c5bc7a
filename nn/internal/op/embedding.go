package op

// This file is rows of a table by their numbers.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Embedding is the rows of table (V, D) that index (...) says: (..., D). The row padding gets no
// gradient; -1 is none.
func Embedding(t *Tape, table, index *gorgonia.Node, padding int) (*gorgonia.Node, error) {
	if table.Dims() != 2 || index.Dtype() != tensor.Int {
		return nil, fmt.Errorf("the table is %v and the index of %v: want a matrix and int", table.Shape(), index.Dtype())
	}
	vocabulary, width := table.Shape()[0], table.Shape()[1]
	shape := append(index.Shape().Clone(), width)
	return Apply(t, shape,
		embedding[float32](index.Shape(), vocabulary, width, padding),
		embedding[float64](index.Shape(), vocabulary, width, padding), table, index)
}

func embedding[T kernel.Float](shape tensor.Shape, vocabulary, width, padding int) Function[T] {
	return Function[T]{
		Name: "embedding",
		Forward: func(c *Call[T]) error {
			if err := inRange("index", c.Index[1], shape, vocabulary, 0); err != nil {
				return err
			}
			kernel.Gather(c.Out, c.In[0], c.Index[1], width)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.GatherGrad(c.DIn[0], c.Grad, c.Index[1], width, padding)
			return nil
		},
	}
}
