package kernel

// LSTM is torch.nn.LSTM in one layer and direction (Hochreiter and Schmidhuber 1997, with the
// forget gate of Gers et al. 2000). Of W_ih x + b_ih + W_hh h + b_hh, four gates of width H,
//
//	i, f, g, o = σ, σ, tanh, σ
//	c' = f c + i g
//	h' = o tanh(c')
//
// It keeps what a run needs, in memory that it takes once.
type LSTM[T Float] struct {
	r    recurrence[T]
	cell []T // (T+1, B, H): the initial cell, then that after each step
	tanh []T // (T, B, H): of the cell after each step
	dc   []T // (B, H): gradient of the cell, of the step in work
}

// NewLSTM takes the memory of the forward pass.
func NewLSTM[T Float](k Recurrent) *LSTM[T] {
	rows := k.Steps * k.Batch
	return &LSTM[T]{
		r:    newRecurrence[T](k, 4, false),
		cell: make([]T, (rows+k.Batch)*k.Hidden),
		tanh: make([]T, rows*k.Hidden),
	}
}

// Forward writes the states at all moments to out (B, T, H), for x (B, T, in) and the initial
// state and cell (B, H), zeros if they are nil. If k.Final, out is (B, T+1, H), and its last row
// the cell after the last step.
func (l *LSTM[T]) Forward(out, x, h0, c0 []T, w Weights[T]) {
	r := &l.r
	r.begin(l.cell, c0)
	r.forward(out, x, h0, w, func(i int) {
		gates, cell := row(r.ofX, i, r.width), row(l.cell, i+r.Batch, r.Hidden)
		input, forget, in, output := l.gates(gates)
		Sigmoid(gates[:2*r.Hidden], gates[:2*r.Hidden])
		Tanh(in, in)
		Sigmoid(output, output)
		lstmCell(cell, row(l.cell, i, r.Hidden), input, forget, in)
		squashed := row(l.tanh, i, r.Hidden)
		Tanh(squashed, cell)
		Mul(row(r.h, i+r.Batch, r.Hidden), output, squashed)
		if r.Final && r.isLast(i) {
			copy(r.final(out, i%r.Batch), cell)
		}
	})
}

// Backward writes what the last Forward passes back of dout. Results that are nil are left out.
func (l *LSTM[T]) Backward(dx, dh0, dc0, dout []T, w, dw Weights[T]) {
	r := &l.r
	if l.dc == nil {
		l.dc = make([]T, r.Batch*r.Hidden)
	}
	r.backward(dx, dh0, dout, w, dw, func(i int, dh []T) {
		dc := row(l.dc, i%r.Batch, r.Hidden)
		if r.isLast(i) {
			clear(dc)
			if r.Final {
				copy(dc, r.final(dout, i%r.Batch))
			}
		}
		lstmGrad(l, i, dh, dc)
		clear(dh)
	})
	copy(dc0, l.dc)
}

// gates are the parts of a row of gates, or of its gradient.
func (l *LSTM[T]) gates(all []T) (input, forget, in, output []T) {
	n := l.r.Hidden
	return all[:n], all[n : 2*n], all[2*n : 3*n], all[3*n : 4*n]
}

func lstmCell[T Float](next, cell, input, forget, in []T) {
	cell, input, forget, in = cell[:len(next)], input[:len(next)], forget[:len(next)], in[:len(next)]
	for j := range next {
		next[j] = forget[j]*cell[j] + input[j]*in[j]
	}
}

// lstmGrad makes the gradients of row i's gates, and that of the cell before it in dc, of those of
// the state and the cell after it.
func lstmGrad[T Float](l *LSTM[T], i int, dh, dc []T) {
	n := len(dh)
	input, forget, in, output := l.gates(row(l.r.ofX, i, 4*n))
	dinput, dforget, din, doutput := l.gates(row(l.r.gradX, i, 4*n))
	cell, tanh := row(l.cell, i, n), row(l.tanh, i, n)
	dc = dc[:n]
	for j, d := range dh {
		o, s := output[j], tanh[j]
		doutput[j] = d * s * o * (1 - o)
		c := dc[j] + d*o*(1-s*s)
		a, f, g := input[j], forget[j], in[j]
		dinput[j] = c * g * a * (1 - a)
		dforget[j] = c * cell[j] * f * (1 - f)
		din[j] = c * a * (1 - g*g)
		dc[j] = c * f
	}
}
