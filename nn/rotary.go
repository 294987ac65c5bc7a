package nn

// This file is rotary position embedding.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// RotaryOptions are how heads are turned.
type RotaryOptions struct {
	Heads       int            // 0: one
	Theta       float64        // the base of the frequencies; 0: 10000
	Frequencies []float64      // of each pair, in radians a position, for scaled ones; nil: Theta^(-2j/Dims)
	Dims        int            // how many numbers of each head are turned, the first of it; 0: all
	Interleaved bool           // pairs are neighbours, as in RoFormer and GPT-J; else halves, as in LLaMA and GPT-NeoX
	Positions   *gorgonia.Node // int (T) or (B, T); nil: 0 to T-1
}

// Rotary is rotary position embedding (Su et al. 2021, arXiv 2104.09864) of queries or keys
// x (B, T, H W), whose heads lie side by side: pair j of each head is turned by its frequency times
// the position. Angles are computed in float64, once for the positions that stay the same.
func Rotary(g *Graph, x *gorgonia.Node, o *RotaryOptions) *gorgonia.Node {
	if o == nil {
		o = &RotaryOptions{}
	}
	with := op.RotaryOptions{Heads: max(1, o.Heads), Theta: o.Theta, Frequencies: o.Frequencies, Dims: o.Dims, Interleaved: o.Interleaved}
	if with.Theta == 0 {
		with.Theta = 10000
	}
	return g.apply("rotary", func() (*gorgonia.Node, error) { return op.Rotary(g.tape, x, o.Positions, with) })
}
