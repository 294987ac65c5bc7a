package kernel

// This file is the update of Adam and AdamW.

// AdamStep is one step of Adam (Kingma and Ba, arXiv:1412.6980, algorithm 1), or of AdamW
// (Loshchilov and Hutter, arXiv:1711.05101, algorithm 2), which shrinks the parameter first.
type AdamStep[T Float] struct {
	Gradient[T]
	Shrink       T // 1 - rate*decay for AdamW, 1 for Adam
	Beta1, Rest1 T // beta1 and 1-beta1
	Beta2, Rest2 T // beta2 and 1-beta2
	Rate         T // rate / (1-beta1^t)
	Correction   T // 1 / sqrt(1-beta2^t)
	Epsilon      T
}

// Adam updates w by its gradient g, with the means m of gradients and v of their squares.
func Adam[T Float](w, g, m, v []T, c *AdamStep[T]) {
	k := *c
	g, m, v = g[:len(w)], m[:len(w)], v[:len(w)]
	if start := single(w); start != nil && fast.adam != nil {
		settings := [...]T{
			k.Limit, k.Scale, k.Decay, k.Shrink, k.Beta1, k.Rest1, k.Beta2, k.Rest2,
			k.Rate, k.Correction, k.Epsilon,
		}
		fast.adam(start, single(g), single(m), single(v), single(settings[:]), len(w))
		return
	}
	for i, x := range w {
		d := k.of(g[i], x)
		mean := k.Beta1*m[i] + k.Rest1*d
		square := k.Beta2*v[i] + k.Rest2*d*d
		m[i], v[i] = mean, square
		w[i] = k.Shrink*x - k.Rate*mean/(sqrt(square)*k.Correction+k.Epsilon)
	}
}
