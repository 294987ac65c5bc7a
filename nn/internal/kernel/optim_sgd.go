package kernel

// This file is the update of stochastic gradient descent.

// SGDStep is one step of torch.optim.SGD. Momentum is that of Sutskever et al. (ICML 2013,
// equations 1 and 2) with the rate outside of the buffer, as PyTorch has it.
type SGDStep[T Float] struct {
	Gradient[T]
	Rate     T
	Momentum T
	Take     T    // 1 - dampening
	Nesterov bool // looks ahead: the gradient plus Momentum times the buffer
}

// SGD updates w by its gradient g, without momentum.
func SGD[T Float](w, g []T, c *SGDStep[T]) {
	k := *c
	g = g[:len(w)]
	for i, x := range w {
		w[i] = x - k.Rate*k.of(g[i], x)
	}
}

// SGDMomentum updates w by its gradient g, with the momentum in buf. In the first step of buf it
// becomes the gradient, whatever it was, and nothing is dampened.
func SGDMomentum[T Float](w, g, buf []T, first bool, c *SGDStep[T]) {
	k := *c
	keep, take := k.Momentum, k.Take
	if first {
		keep, take = 0, 1
		clear(buf)
	}
	ahead, direct := T(1), T(0)
	if k.Nesterov {
		ahead, direct = k.Momentum, 1
	}
	g, buf = g[:len(w)], buf[:len(w)]
	for i, x := range w {
		d := k.of(g[i], x)
		b := keep*buf[i] + take*d
		buf[i] = b
		w[i] = x - k.Rate*(direct*d+ahead*b)
	}
}
