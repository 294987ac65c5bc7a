package kernel

// This file is the update of RMSProp.

// RMSPropStep is one step of torch.optim.RMSprop: Hinton's lecture 6e of Neural Networks for Machine
// Learning, centered as in Graves (arXiv:1308.0850, equations 38 to 41), epsilon outside the root.
type RMSPropStep[T Float] struct {
	Gradient[T]
	Rate        T
	Alpha, Rest T // alpha and 1-alpha
	Epsilon     T
	Momentum    T // 0 for none
}

// RMSProp updates w by its gradient g, with the mean square of gradients. mean is the mean of gradients
// where they are centered, and buf the momentum where there is one; else they are nil.
func RMSProp[T Float](w, g, square, mean, buf []T, c *RMSPropStep[T]) {
	k := *c
	g, square = g[:len(w)], square[:len(w)]
	for i, x := range w {
		d := k.of(g[i], x)
		s := k.Alpha*square[i] + k.Rest*d*d
		square[i] = s
		if mean != nil {
			a := k.Alpha*mean[i] + k.Rest*d
			mean[i] = a
			s = max(s-a*a, 0) // rounding can make it negative, of gradients that do not change
		}
		d /= sqrt(s) + k.Epsilon
		if buf != nil {
			d += k.Momentum * buf[i]
			buf[i] = d
		}
		w[i] = x - k.Rate*d
	}
}
