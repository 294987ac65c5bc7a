package kernel

// This file is the update of Adagrad.

// AdagradStep is one step of torch.optim.Adagrad (Duchi, Hazan and Singer, JMLR 12, 2011, the
// diagonal form of figure 1).
type AdagradStep[T Float] struct {
	Gradient[T]
	Rate    T // rate / (1 + (t-1)*decay)
	Epsilon T
}

// Adagrad updates w by its gradient g, with the sum of the squares of gradients.
func Adagrad[T Float](w, g, sum []T, c *AdagradStep[T]) {
	k := *c
	g, sum = g[:len(w)], sum[:len(w)]
	for i, x := range w {
		d := k.of(g[i], x)
		s := sum[i] + d*d
		sum[i] = s
		w[i] = x - k.Rate*d/(sqrt(s)+k.Epsilon)
	}
}
