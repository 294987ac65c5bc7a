package main

import "math"

// This file is the activations, as in activations.go of the kernels, which says what they are.

// Beyond these, as there, functions have reached their limits, and infinity times 0 is NaN.
const (
	sigmoidEnd = 200
	geluEnd    = 15
)

// Of (1 + tanh(u)) / 2, which is sigmoid(2u), with u = sqrt(2/pi) * (x + 0.044715 x**3).
const (
	geluLinear = 2 * 0.797884560802865355879892119868763736951717262329869315331
	geluCubic  = geluLinear * 0.044715
)

func (p *program) activationLoops() {
	p.map1("relu", "writes max(x, 0) to y.", 4, func(x vec) vec { return p.zeroWhereNotAbove(x, x) })
	p.map2("reluGrad", "writes dy where x > 0 to dx.", "dx, x, dy", 4, p.zeroWhereNotAbove)
	p.map2("tanhGrad", "writes dy * (1 - y*y) to dx.", "dx, y, dy", 2, func(y, dy vec) vec {
		return p.mul(p.fnma(y, y, p.constant(1)), dy)
	})
	p.map2("sigmoidGrad", "writes dy * (1 - y) * y to dx.", "dx, y, dy", 2, func(y, dy vec) vec {
		return p.mul(p.mul(p.sub(p.constant(1), y), dy), y)
	})
	p.map1("tanh", "writes tanh(x) to y.", 1, p.tanh)
	p.map1("sigmoid", "writes 1 / (1 + exp(-x)) to y.", 1, p.sigmoid)
	p.map1("silu", "writes x * sigmoid(x) to y.", 1, func(x vec) vec {
		return p.mul(p.sigmoid(x), p.atLeast(x, -sigmoidEnd))
	})
	p.map2("siluGrad", "writes what silu passes back of dy to dx.", "dx, x, dy", 1, p.siluGrad)
	p.map1("gelu", "writes x times the normal distribution of x to y.", 1, func(x vec) vec {
		probability, _ := p.normal(p.clamp(x, -normalEnd, normalEnd))
		return p.mul(probability, p.atLeast(x, -normalEnd))
	})
	p.map2("geluGrad", "writes what gelu passes back of dy to dx.", "dx, x, dy", 1, p.geluGrad)
	p.map1("geluTanh", "writes the approximation of gelu with tanh to y.", 1, func(x vec) vec {
		v := p.clamp(x, -geluEnd, geluEnd)
		s := p.sigmoid(p.mul(p.polynomial(p.mul(v, v), geluCubic, geluLinear), v))
		return p.mul(s, p.atLeast(x, -geluEnd))
	})
	p.map2("geluTanhGrad", "writes what geluTanh passes back of dy to dx.", "dx, x, dy", 1, p.geluTanhGrad)
}

func (p *program) siluGrad(x, dy vec) vec {
	v := p.clamp(x, -sigmoidEnd, sigmoidEnd)
	s, slope := p.sigmoidSlope(v)
	return p.mul(p.fma(slope, v, s), dy)
}

func (p *program) geluGrad(x, dy vec) vec {
	v := p.clamp(x, -normalEnd, normalEnd)
	probability, density := p.normal(v)
	slope := p.fma(p.mul(density, p.number(1/math.Sqrt(2*math.Pi))), v, probability)
	return p.mul(slope, dy)
}

func (p *program) geluTanhGrad(x, dy vec) vec {
	v := p.clamp(x, -geluEnd, geluEnd)
	square := p.mul(v, v)
	s, slope := p.sigmoidSlope(p.mul(p.polynomial(square, geluCubic, geluLinear), v))
	inner := p.mul(p.polynomial(square, 3*geluCubic, geluLinear), v)
	return p.mul(p.fma(slope, inner, s), dy)
}
