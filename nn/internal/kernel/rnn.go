package kernel

// RNN is h' = tanh(W_ih x + b_ih + W_hh h + b_hh) step by step: torch.nn.RNN. It keeps what a
// run needs, in memory that it takes once.
type RNN[T Float] struct{ r recurrence[T] }

// NewRNN takes the memory of the forward pass.
func NewRNN[T Float](k Recurrent) *RNN[T] {
	return &RNN[T]{newRecurrence[T](k, 1, false)}
}

// Forward writes the states at all moments to out (B, T, H), for x (B, T, in) and the initial
// state h0 (B, H), zeros if it is nil.
func (l *RNN[T]) Forward(out, x, h0 []T, w Weights[T]) {
	l.r.forward(out, x, h0, w, func(i int) {
		Tanh(row(l.r.h, i+l.r.Batch, l.r.Hidden), row(l.r.ofX, i, l.r.width))
	})
}

// Backward writes what the last Forward passes back of dout. Results that are nil are left out.
func (l *RNN[T]) Backward(dx, dh0, dout []T, w, dw Weights[T]) {
	l.r.backward(dx, dh0, dout, w, dw, func(i int, dh []T) {
		TanhGrad(row(l.r.gradX, i, l.r.width), row(l.r.h, i+l.r.Batch, l.r.Hidden), dh)
		clear(dh)
	})
}
