package nn

// This file is attention with its dense layers, as PyTorch has it.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// MultiheadAttention is torch.nn.MultiheadAttention with batch_first=True: queries (B, T, D), keys
// and values (B, S, D), each through a dense layer, attention of heads of width D / H, and a dense
// layer. The three layers before are one parameter: InWeight (3 D, D) and InBias (3 D).
type MultiheadAttention struct {
	InWeight *Param
	InBias   *Param // nil without
	Out      *Linear
	Heads    int
	Dropout  float64 // of the probabilities, in training

	path string
}

// MultiheadOptions change what a MultiheadAttention is. Nil, or its zero value, is what PyTorch does.
type MultiheadOptions struct {
	NoBias  bool
	Dropout float64
}

// NewMultiheadAttention makes s's "in_proj_weight", "in_proj_bias", "out_proj.weight" and
// "out_proj.bias". The width is D.
func NewMultiheadAttention(s *Scope, width, heads int, o *MultiheadOptions) *MultiheadAttention {
	if o == nil {
		o = &MultiheadOptions{}
	}
	if heads < 1 || width%heads != 0 {
		s.fail("in_proj_weight", fmt.Errorf("width %d is not %d heads", width, heads))
	}
	l := &MultiheadAttention{Heads: heads, Dropout: o.Dropout, path: s.path()}
	l.InWeight = s.Param("in_proj_weight", XavierUniform(1), 3*width, width)
	if !o.NoBias {
		l.InBias = s.Param("in_proj_bias", Zeros, 3*width)
	}
	l.Out = NewLinear(s.Sub("out_proj"), width, width, &LinearOptions{NoBias: o.NoBias, BiasInit: Zeros})
	return l
}

// Forward adds the attention of query (B, T, D) to key and value (B, S, D). Where these are one
// node, they are computed by one product. mask may be nil; a Mask of (B H, T, S), as PyTorch takes
// it, must be reshaped to (B, H, T, S). A query that sees nothing gets the bias of the last layer
// (PyTorch: that or NaN).
func (l *MultiheadAttention) Forward(g *Graph, query, key, value *gorgonia.Node, mask *AttentionMask) *gorgonia.Node {
	if mask == nil {
		mask = &AttentionMask{}
	}
	heads := g.apply(l.path, func() (*gorgonia.Node, error) {
		q, k, v, err := l.project(g, query, key, value)
		if err != nil {
			return nil, err
		}
		return attend(g, q, k, v, AttentionOptions{Heads: l.Heads, Dropout: l.Dropout, AttentionMask: *mask})
	})
	return l.Out.Forward(g, heads)
}

// project makes queries, keys and values. Neighbours that are made of one node are one product.
func (l *MultiheadAttention) project(g *Graph, query, key, value *gorgonia.Node) (q, k, v op.Section, err error) {
	from := []*gorgonia.Node{query, key, value}
	var made []op.Section
	for i := 0; i < len(from); {
		n := 1
		for i+n < len(from) && from[i+n] == from[i] {
			n++
		}
		y, err := l.part(g, from[i], i, n)
		if err != nil {
			return q, k, v, err
		}
		for j := range n {
			made = append(made, op.Part(y, j, n))
		}
		i += n
	}
	return made[0], made[1], made[2], nil
}

// part is n of the three dense layers.
func (l *MultiheadAttention) part(g *Graph, x *gorgonia.Node, first, n int) (*gorgonia.Node, error) {
	width := l.InWeight.Shape()[1]
	return op.LinearPart(g.tape, x, g.Node(l.InWeight), g.optional(l.InBias), first*width, n*width)
}
