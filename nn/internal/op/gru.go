package op

// This file is the GRU.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// GRU is the states of torch.nn.GRU at all moments, (B, T, H).
func GRU(t *Tape, r *Recurrent) (*gorgonia.Node, error) {
	k, err := r.shape(3)
	if err != nil {
		return nil, err
	}
	return r.apply(t, k, withoutCell("gru", k, kernel.NewGRU[float32]), withoutCell("gru", k, kernel.NewGRU[float64]))
}
