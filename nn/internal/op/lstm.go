package op

// This file is the LSTM.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// LSTM is the states of torch.nn.LSTM at all moments, (B, T, H). With final it is (B, T+1, H), and
// the last row the cell after the last step.
func LSTM(t *Tape, r *Recurrent, final bool) (*gorgonia.Node, error) {
	k, err := r.shape(4)
	if err != nil {
		return nil, err
	}
	k.Final = final
	return r.apply(t, k, lstm[float32](k), lstm[float64](k))
}

func lstm[T kernel.Float](k kernel.Recurrent) func(which []int) Function[T] {
	return func(which []int) Function[T] {
		var layer *kernel.LSTM[T]
		return Function[T]{
			Name: "lstm",
			Forward: func(c *Call[T]) error {
				if layer == nil {
					layer = kernel.NewLSTM[T](k)
				}
				in := spread(which, c.In)
				layer.Forward(c.Out, in.x(), in.hidden(), in.cell(), in.weights())
				return nil
			},
			Backward: func(c *Call[T]) error {
				in, din := spread(which, c.In), spread(which, c.DIn)
				layer.Backward(din.x(), din.hidden(), din.cell(), c.Grad, in.weights(), din.weights())
				return nil
			},
		}
	}
}
