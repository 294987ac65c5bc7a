package nn

// This file is attention without parameters.

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// AttentionMask says which keys a query sees. Masks are numbers that are added to the scores, of
// the model's dtype: 0 for a key that is seen and -Inf for one that is not, or any other bias.
// A query that sees nothing gets zeros. Gradients of masks are computed if they are needed.
type AttentionMask struct {
	Causal     bool           // query i sees keys 0 to i
	Mask       *gorgonia.Node // what broadcasts to (B, H, T, S): (T, S), (H or 1, T, S), (B or 1, H or 1, T or 1, S)
	KeyPadding *gorgonia.Node // (B, S)
}

// AttentionOptions are how queries, keys and values meet.
type AttentionOptions struct {
	Heads   int     // of the queries
	KVHeads int     // of keys and values, a divisor of Heads; 0: Heads
	Scale   float64 // of the scores; 0: 1/sqrt(width of a head)
	Dropout float64 // of the probabilities, in training
	AttentionMask
}

// Attention is torch.nn.functional.scaled_dot_product_attention, soft-max(scale Q Kᵀ + masks) V for
// each head, of heads that lie side by side, as dense layers make them: q (B, T, H W), k (B, S, G W)
// and v (B, S, G U) give (B, T, H U). With fewer heads G of keys and values, heads 0 to H/G - 1 of
// the queries share the first of them, and so on (grouped queries, arXiv 2305.13245; enable_gqa).
//
// Memory for a number for each head and pair of query and key is taken only where the attention is
// differentiated, and only if those are no more than four million, or a mask needs a gradient.
func Attention(g *Graph, q, k, v *gorgonia.Node, o AttentionOptions) *gorgonia.Node {
	return g.apply("attention", func() (*gorgonia.Node, error) {
		return attend(g, op.Part(q, 0, 1), op.Part(k, 0, 1), op.Part(v, 0, 1), o)
	})
}

// attend is attention of sections.
func attend(g *Graph, q, k, v op.Section, o AttentionOptions) (*gorgonia.Node, error) {
	if o.KVHeads == 0 {
		o.KVHeads = o.Heads
	}
	if !g.train {
		o.Dropout = 0
	}
	if o.Dropout != 0 && g.random == nil {
		return nil, errors.New("dropout: the graph has no random source: pass one to TrainGraph")
	}
	n, err := op.Attention(g.tape, q, k, v, op.AttentionOptions{
		Heads: o.Heads, KVHeads: o.KVHeads, Scale: o.Scale, Dropout: o.Dropout, Source: g.random,
		Causal: o.Causal, Mask: o.Mask, KeyPadding: o.KeyPadding,
	})
	if err != nil {
		return nil, fmt.Errorf("attention: %w", err)
	}
	return n, nil
}
