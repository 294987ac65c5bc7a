package kernel

// GRU is torch.nn.GRU in one layer and direction (Cho et al. 2014, arXiv 1406.1078, with the reset
// gate after the product). Of a = W_ih x + b_ih and u = W_hh h + b_hh, each three parts of width H,
//
//	r, z = σ(a + u)
//	n = tanh(a + r u)
//	h' = (1 - z) n + z h
//
// It keeps what a run needs, in memory that it takes once.
type GRU[T Float] struct{ r recurrence[T] }

// NewGRU takes the memory of the forward pass.
func NewGRU[T Float](k Recurrent) *GRU[T] {
	return &GRU[T]{newRecurrence[T](k, 3, true)}
}

// Forward writes the states at all moments to out (B, T, H), for x (B, T, in) and the initial
// state h0 (B, H), zeros if it is nil.
func (l *GRU[T]) Forward(out, x, h0 []T, w Weights[T]) {
	r := &l.r
	r.forward(out, x, h0, w, func(i int) {
		gates, ofH := row(r.ofX, i, r.width), row(r.ofH, i, r.width)
		both := gates[:2*r.Hidden]
		Add(both, both, ofH)
		Sigmoid(both, both)
		reset, update, fresh := l.gates(gates)
		_, _, recalled := l.gates(ofH)
		for j, x := range recalled {
			fresh[j] += reset[j] * x
		}
		Tanh(fresh, fresh)
		gruMix(row(r.h, i+r.Batch, r.Hidden), row(r.h, i, r.Hidden), update, fresh)
	})
}

// Backward writes what the last Forward passes back of dout. Results that are nil are left out.
func (l *GRU[T]) Backward(dx, dh0, dout []T, w, dw Weights[T]) {
	l.r.backward(dx, dh0, dout, w, dw, func(i int, dh []T) { gruGrad(l, i, dh) })
}

// gates are the parts of a row of gates, or of its gradient.
func (l *GRU[T]) gates(all []T) (reset, update, fresh []T) {
	n := l.r.Hidden
	return all[:n], all[n : 2*n], all[2*n : 3*n]
}

func gruMix[T Float](next, h, update, fresh []T) {
	h, update, fresh = h[:len(next)], update[:len(next)], fresh[:len(next)]
	for j := range next {
		next[j] = fresh[j] + update[j]*(h[j]-fresh[j])
	}
}

// gruGrad makes the gradients of row i's gates, and in dh what goes past them to the state before.
func gruGrad[T Float](l *GRU[T], i int, dh []T) {
	n := len(dh)
	h := row(l.r.h, i, n)
	reset, update, fresh := l.gates(row(l.r.ofX, i, 3*n))
	_, _, recalled := l.gates(row(l.r.ofH, i, 3*n))
	dreset, dupdate, dfresh := l.gates(row(l.r.gradX, i, 3*n))
	for j, d := range dh {
		r, z, f := reset[j], update[j], fresh[j]
		g := d * (1 - z) * (1 - f*f)
		dfresh[j] = g
		dreset[j] = g * recalled[j] * r * (1 - r)
		dupdate[j] = d * (h[j] - f) * z * (1 - z)
		dh[j] = d * z
	}
	gradH := row(l.r.gradH, i, 3*n)
	copy(gradH, row(l.r.gradX, i, 3*n)[:2*n])
	Mul(gradH[2*n:], dfresh, reset)
}
