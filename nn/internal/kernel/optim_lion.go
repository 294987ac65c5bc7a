package kernel

// This file is the update of Lion.

// LionStep is one step of Lion (Chen et al., arXiv:2302.06675, algorithm 2).
type LionStep[T Float] struct {
	Gradient[T]
	Shrink       T // 1 - rate*decay
	Rate         T
	Beta1, Rest1 T // of the direction
	Beta2, Rest2 T // of the momentum
}

// Lion updates w by its gradient g, with the mean m of gradients: by the rate, in the direction
// of the sign of their mixture, which is 0 for 0 and NaN for NaN.
func Lion[T Float](w, g, m []T, c *LionStep[T]) {
	k := *c
	g, m = g[:len(w)], m[:len(w)]
	for i, x := range w {
		d := k.of(g[i], x)
		step := k.Beta1*m[i] + k.Rest1*d
		m[i] = k.Beta2*m[i] + k.Rest2*d
		if step > 0 {
			step = k.Rate
		} else if step < 0 {
			step = -k.Rate
		}
		w[i] = k.Shrink*x - step
	}
}
