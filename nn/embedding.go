package nn

// This file is rows of a table by their numbers.

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Embedding is torch.nn.Embedding: of int indices (...) it makes (..., D), of the rows of weight
// (V, D). An index outside of 0 to V-1 is an error of the run. A head that shares the weight is
//
//	nn.NewLinear(s.Sub("head"), width, vocabulary, &nn.LinearOptions{NoBias: true, Weight: embedding.Weight})
type Embedding struct {
	Weight  *Param
	Padding int // the row that gets no gradient, or -1

	path string
}

// EmbeddingOptions change what an embedding is. Nil, or its zero value, is what PyTorch does.
type EmbeddingOptions struct {
	PaddingIndex *int // a row that begins as zeros and gets no gradient; negative ones count from the end
	Init         Init // nil: N(0, 1)
}

// NewEmbedding makes s's "weight".
func NewEmbedding(s *Scope, vocabulary, width int, o *EmbeddingOptions) *Embedding {
	if o == nil {
		o = &EmbeddingOptions{}
	}
	init, padding := or(o.Init, Normal(0, 1)), -1
	if o.PaddingIndex != nil {
		if padding = *o.PaddingIndex; padding < 0 {
			padding += vocabulary
		}
		if padding < 0 || padding >= vocabulary {
			s.fail("weight", fmt.Errorf("padding index %d of %d rows", *o.PaddingIndex, vocabulary))
			padding = -1
		} else {
			init = zeroRow(init, padding)
		}
	}
	return &Embedding{s.Param("weight", init, vocabulary, width), padding, s.path()}
}

// zeroRow is init, but for one row of zeros.
func zeroRow(init Init, row int) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		init(rng, shape, values)
		clear(values[row*shape[1] : (row+1)*shape[1]])
	}
}

// Forward looks index up.
func (l *Embedding) Forward(g *Graph, index *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.Embedding(g.tape, g.Node(l.Weight), index, l.Padding)
	})
}
