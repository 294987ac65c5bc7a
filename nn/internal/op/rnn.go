package op

// This file is the plain recurrent layer.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// RNN is the states of torch.nn.RNN at all moments, (B, T, H).
func RNN(t *Tape, r *Recurrent) (*gorgonia.Node, error) {
	k, err := r.shape(1)
	if err != nil {
		return nil, err
	}
	return r.apply(t, k, withoutCell("rnn", k, kernel.NewRNN[float32]), withoutCell("rnn", k, kernel.NewRNN[float64]))
}
