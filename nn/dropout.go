package nn

// This file is dropout.

import (
	"errors"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Dropout zeroes each number of x with this probability in training, and divides the others by
// 1 - p (Srivastava et al. 2014). In evaluation it is nothing at all. What is dropped follows
// from the graph's source and the place of the number, and so is the same in a resumed run.
type Dropout float64

// Forward adds the dropout, in training.
func (d Dropout) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	if !g.train || d == 0 {
		return x
	}
	return g.apply("", func() (*gorgonia.Node, error) {
		if g.random == nil {
			return nil, errors.New("dropout: the graph has no random source: pass one to TrainGraph")
		}
		return op.Dropout(g.tape, x, float64(d), g.random)
	})
}
