package nn

// This file is the plain recurrent layer.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// RNN is torch.nn.RNN with batch_first=True and tanh (Elman 1990): x (B, T, in), states (B, T, H),
// or (B, T, 2H) in both directions, forward first. All sequences of a batch have one length. At
// each step, h' = tanh(W_ih x + b_ih + W_hh h + b_hh).
type RNN struct {
	Weights []RecurrentWeights // layer by layer, in each the forward direction first

	r recurrent
}

// NewRNN makes s's "weight_ih_l0" (H, in), "weight_hh_l0" (H, H), "bias_ih_l0" and "bias_hh_l0" (H),
// the same with "_reverse", and those of further layers, whose in is H or 2H. All begin with
// U(-1/sqrt(H), 1/sqrt(H)).
func NewRNN(s *Scope, in, hidden int, o *RecurrentOptions) *RNN {
	r := newRecurrent(s, 1, in, hidden, o)
	return &RNN{r.weights, r}
}

// Forward is the states of the last layer at all moments, from zeros.
func (l *RNN) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return l.r.unroll(g, x, nil, nil, op.RNN).y
}

// ForwardFrom is the states of the last layer at all moments, and those of all layers after the
// last step, (layers * directions, B, H). begin is such a state, or nil for zeros.
func (l *RNN) ForwardFrom(g *Graph, x, begin *gorgonia.Node) (y, end *gorgonia.Node) {
	u := l.r.unroll(g, x, begin, nil, op.RNN)
	return u.y, l.r.last(g, x, u.results)
}
