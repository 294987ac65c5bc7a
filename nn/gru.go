package nn

// This file is the GRU.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// GRU is torch.nn.GRU with batch_first=True (Cho et al. 2014, arXiv 1406.1078): x (B, T, in),
// states (B, T, H), or (B, T, 2H) in both directions, forward first. All sequences of a batch
// have one length. At each step, with gates r, z and n in this order in the parameters,
//
//	r, z = σ(W_ih x + b_ih + W_hh h + b_hh)
//	n = tanh(W_ih x + b_ih + r (W_hh h + b_hh))
//	h' = (1 - z) n + z h
type GRU struct {
	Weights []RecurrentWeights // layer by layer, in each the forward direction first

	r recurrent
}

// NewGRU makes s's "weight_ih_l0" (3H, in), "weight_hh_l0" (3H, H), "bias_ih_l0" and "bias_hh_l0"
// (3H), the same with "_reverse", and those of further layers, whose in is H or 2H. All begin with
// U(-1/sqrt(H), 1/sqrt(H)).
func NewGRU(s *Scope, in, hidden int, o *RecurrentOptions) *GRU {
	r := newRecurrent(s, 3, in, hidden, o)
	return &GRU{r.weights, r}
}

// Forward is the states of the last layer at all moments, from zeros.
func (l *GRU) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return l.r.unroll(g, x, nil, nil, op.GRU).y
}

// ForwardFrom is the states of the last layer at all moments, and those of all layers after the
// last step, (layers * directions, B, H). begin is such a state, or nil for zeros.
func (l *GRU) ForwardFrom(g *Graph, x, begin *gorgonia.Node) (y, end *gorgonia.Node) {
	u := l.r.unroll(g, x, begin, nil, op.GRU)
	return u.y, l.r.last(g, x, u.results)
}
