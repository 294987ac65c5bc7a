package nn

// This file is the LSTM.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// LSTM is torch.nn.LSTM with batch_first=True (Hochreiter and Schmidhuber 1997): x (B, T, in),
// states (B, T, H), or (B, T, 2H) in both directions, forward first. All sequences of a batch
// have one length. At each step, with gates i, f, g and o in this order in the parameters,
//
//	i, f, o = σ(W_ih x + b_ih + W_hh h + b_hh), g = tanh(the same)
//	c' = f c + i g
//	h' = o tanh(c')
type LSTM struct {
	Weights []RecurrentWeights // layer by layer, in each the forward direction first

	r recurrent
}

// An LSTMState is the state and the cell of all layers, each (layers * directions, B, H), in the
// order of LSTM.Weights. As an initial state, one that is nil is zeros.
type LSTMState struct{ Hidden, Cell *gorgonia.Node }

// NewLSTM makes s's "weight_ih_l0" (4H, in), "weight_hh_l0" (4H, H), "bias_ih_l0" and "bias_hh_l0"
// (4H), the same with "_reverse", and those of further layers, whose in is H or 2H. All begin with
// U(-1/sqrt(H), 1/sqrt(H)).
func NewLSTM(s *Scope, in, hidden int, o *RecurrentOptions) *LSTM {
	r := newRecurrent(s, 4, in, hidden, o)
	return &LSTM{r.weights, r}
}

// Forward is the states of the last layer at all moments, from zeros.
func (l *LSTM) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return l.unroll(g, x, LSTMState{}, false).y
}

// ForwardFrom is the states of the last layer at all moments, and how all layers end.
func (l *LSTM) ForwardFrom(g *Graph, x *gorgonia.Node, begin LSTMState) (y *gorgonia.Node, end LSTMState) {
	u := l.unroll(g, x, begin, true)
	return u.y, LSTMState{
		Hidden: l.r.last(g, x, u.results),
		Cell:   l.r.rows(g, u.results, func(int) int { return x.Shape()[1] }),
	}
}

// unroll has a row with the cell in each result, if it is wanted.
func (l *LSTM) unroll(g *Graph, x *gorgonia.Node, begin LSTMState, cell bool) unrolled {
	return l.r.unroll(g, x, begin.Hidden, begin.Cell, func(t *op.Tape, r *op.Recurrent) (*gorgonia.Node, error) {
		return op.LSTM(t, r, cell)
	})
}
