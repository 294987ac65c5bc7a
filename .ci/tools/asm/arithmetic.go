package main

import "github.com/mmcloughlin/avo/operand"

// This file is instructions as functions, so that formulas read as such. Operands of the type
// operand.Op may be in memory.

func (p *program) constant(value float64) vec {
	v := p.YMM()
	p.VMOVUPS(p.number(value), v)
	return v
}

func (p *program) zero() vec {
	v := p.YMM()
	p.VXORPS(v, v, v)
	return v
}

func (p *program) copy(a vec) vec {
	v := p.YMM()
	p.VMOVAPS(a, v)
	return v
}

// two is an instruction of two operands, with its result in a register of its own.
func (p *program) two(instruction func(...operand.Op), a vec, b operand.Op) vec {
	v := p.YMM()
	instruction(b, a, v)
	return v
}

func (p *program) add(a vec, b operand.Op) vec { return p.two(p.VADDPS, a, b) }

func (p *program) sub(a vec, b operand.Op) vec { return p.two(p.VSUBPS, a, b) }

func (p *program) mul(a vec, b operand.Op) vec { return p.two(p.VMULPS, a, b) }

func (p *program) div(a vec, b operand.Op) vec { return p.two(p.VDIVPS, a, b) }

func (p *program) and(a vec, b operand.Op) vec { return p.two(p.VANDPS, a, b) }

// least and most give b where either is NaN.

func (p *program) least(a vec, b operand.Op) vec { return p.two(p.VMINPS, a, b) }

func (p *program) most(a vec, b operand.Op) vec { return p.two(p.VMAXPS, a, b) }

// clamp is a, but at least low and at most high. NaN stays.
func (p *program) clamp(a vec, low, high float64) vec {
	return p.least(p.constant(high), p.atLeast(a, low))
}

// atLeast is a, but at least low. NaN stays.
func (p *program) atLeast(a vec, low float64) vec {
	return p.most(p.constant(low), a)
}

const sign = 0x80000000 // the bit

// abs is a without its sign, minusAbs with one.

func (p *program) abs(a vec) vec { return p.and(a, p.bits(^uint32(sign))) }

func (p *program) minusAbs(a vec) vec {
	v := p.YMM()
	p.VORPS(p.bits(sign), a, v)
	return v
}

func (p *program) negative(a vec) vec {
	v := p.YMM()
	p.VXORPS(p.bits(sign), a, v)
	return v
}

// zeroWhereNotAbove is v, but 0 where x <= 0.
func (p *program) zeroWhereNotAbove(x, v vec) vec {
	const lessOrEqual = 0x12 // ordered, silent: not so for NaN
	below, result := p.YMM(), p.YMM()
	p.VCMPPS(operand.U8(lessOrEqual), p.zero(), x, below)
	p.VANDNPS(v, below, result)
	return result
}

// choose is negative where the sign of by is set, and positive elsewhere.
func (p *program) choose(by, negative, positive vec) vec {
	v := p.YMM()
	p.VBLENDVPS(by, negative, positive, v)
	return v
}

// These give a*b + c, a*b - c and c - a*b with one rounding.

func (p *program) fma(a, b vec, c operand.Op) vec {
	v := p.copy(a)
	p.VFMADD213PS(c, b, v)
	return v
}

func (p *program) fms(a, b vec, c operand.Op) vec {
	v := p.copy(a)
	p.VFMSUB213PS(c, b, v)
	return v
}

func (p *program) fnma(a vec, b operand.Op, c vec) vec {
	v := p.copy(c)
	p.VFNMADD231PS(b, a, v)
	return v
}

// polynomial has the coefficients from the highest power down.
func (p *program) polynomial(x vec, coefficients ...float64) vec {
	v := p.constant(coefficients[0])
	for _, c := range coefficients[1:] {
		p.VFMADD213PS(p.number(c), x, v)
	}
	return v
}
