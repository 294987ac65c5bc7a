package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
)

// This file is the functions of analysis. The coefficients are those of the polynomials with the
// least largest error on the range, found by iterated weighted least squares in float64, and
// rounded.

// reduce gives r and the whole number n such that x = n*log(2) + r and |r| <= log(2)/2.
// n*log(2) is subtracted in two parts, of which the first has few bits.
func (p *program) reduce(x vec) (r, n vec) {
	const high = 0.693359375
	n = p.YMM()
	p.VROUNDPS(operand.U8(0), p.mul(x, p.number(math.Log2E)), n)
	r = p.fnma(n, p.number(high), x)
	r = p.fnma(n, p.number(math.Ln2-high), r)
	return r, n
}

// expm1Reduced is exp(r) - 1 for |r| <= log(2)/2, to a relative error of 2e-8 before rounding.
func (p *program) expm1Reduced(r vec) vec {
	q := p.polynomial(r, 0.0013940724, 0.0083665615, 0.041666403, 0.16666543, 0.5)
	return p.fma(p.mul(q, r), r, r)
}

// power is 2**n for a whole number n, as an integer or in float32, from -126 to 127.
func (p *program) power(n vec) vec {
	v := p.YMM()
	p.VPADDD(p.bits(127), n, v)
	p.VPSLLD(operand.U8(23), v, v)
	return v
}

// expEnd is where exp has gone down to 0, below the smallest subnormal.
const expEnd = -105

// expBelow is exp(x) for x <= 0, within 1 ulp and a half. Its scale is applied in two halves, so
// that subnormal results are rounded once.
func (p *program) expBelow(x vec) vec {
	r, n := p.reduce(p.atLeast(x, expEnd))
	return p.scaled(r, n)
}

// scaled is exp(r) * 2**n.
func (p *program) scaled(r, n vec) vec {
	e := p.expm1Reduced(r)
	p.VCVTPS2DQ(n, n)
	half, rest := p.YMM(), p.YMM()
	p.VPSRAD(operand.U8(1), n, half)
	p.VPSUBD(half, n, rest)
	scale := p.power(half)
	return p.mul(p.fma(e, scale, scale), p.power(rest))
}

// sigmoid is 1/(1+exp(-x)), of the exponential of -|x|, so that neither end loses precision.
func (p *program) sigmoid(x vec) vec {
	e := p.expBelow(p.minusAbs(x))
	one := p.constant(1)
	return p.div(p.choose(x, e, one), p.add(e, one))
}

// sigmoidSlope is sigmoid(x) and its derivative, which is no difference of near numbers.
func (p *program) sigmoidSlope(x vec) (s, slope vec) {
	e, one := p.expBelow(p.minusAbs(x)), p.constant(1)
	inverse := p.div(one, p.add(e, one))
	s = p.mul(p.choose(x, e, one), inverse)
	return s, p.mul(p.mul(e, inverse), inverse)
}

// tanh is -m/(m+2) with m = exp(-2|x|) - 1, and the sign of x.
func (p *program) tanh(x vec) vec {
	const end = 10 // where it is 1
	twice := p.mul(p.least(p.constant(end), p.abs(x)), p.number(-2))
	r, n := p.reduce(twice)
	m := p.expm1Reduced(r)
	p.VCVTPS2DQ(n, n)
	scale := p.power(n)
	m = p.fma(m, scale, p.sub(scale, p.number(1)))
	q := p.abs(p.div(m, p.add(m, p.number(2))))
	v := p.YMM()
	p.VORPS(p.and(x, p.bits(sign)), q, v)
	return v
}

// normalEnd is where the normal distribution's density has gone down to 0.
const normalEnd = 15

// normal gives the probability that a standard normal variable is below x, and exp(-x*x/2). x is
// from -normalEnd to normalEnd.
//
// For x < 0 the first is the second times P(w) with w = 1/(1+0.36|x|), the form of Abramowitz and
// Stegun 7.1.26. P has a relative error of 7e-8 before rounding.
func (p *program) normal(x vec) (probability, density vec) {
	t := p.abs(x)
	square := p.mul(t, t)
	lost := p.fms(t, t, square)
	r, n := p.reduce(p.mul(square, p.number(-0.5)))
	r = p.fnma(lost, p.number(0.5), r)
	density = p.scaled(r, n)
	one := p.constant(1)
	w := p.div(one, p.fma(t, p.constant(0.36), one))
	q := p.polynomial(w, -0.029924538, 0.13774627, -0.2195302, 0.10231157, 0.0033107132,
		0.09441414, 0.124426045, 0.14362516, 0.1436208)
	below := p.mul(p.mul(q, w), density)
	return p.choose(x, below, p.sub(one, below)), density
}
