package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file is functions of a whole slice: sums, in four vectors of lanes, which are added in a
// fixed order at the end.

const chains = 4

// accumulators are chains vectors of zeros.
func (p *program) accumulators() []vec {
	var all []vec
	for range chains {
		all = append(all, p.zero())
	}
	return all
}

// total is the sum of all lanes of accumulators.
func (p *program) total(all []vec) reg.VecVirtual {
	sum := p.add(p.add(all[0], all[1]), p.add(all[2], all[3]))
	return p.across(sum, func(a, b, to reg.Register) { p.VADDPS(a, b, to) })
}

// across folds the lanes of v: the two halves, the halves of those, and so on.
func (p *program) across(v vec, f func(a, b, to reg.Register)) reg.VecVirtual {
	low, high := p.XMM(), p.XMM()
	p.VEXTRACTF128(operand.U8(1), v, high)
	f(high, v.AsX(), low)
	p.VMOVHLPS(low, low, high)
	f(high, low, low)
	p.VMOVSHDUP(low, high)
	f(high, low, low)
	return low
}

func (p *program) giveBack(v reg.VecVirtual, result int) {
	p.Store(v, p.ReturnIndex(result))
}

func (p *program) sumLoops() {
	l, _ := p.function("sumAVX2", "is the sum of x.", []string{"x"}, nil, " float32")
	sums := p.accumulators()
	l.run(chains, func(at place) { at.VADDPS(at.load(0), sums[at.number], sums[at.number]) })
	p.giveBack(p.total(sums), 0)
	p.leave()

	l, _ = p.function("dotAVX2", "is the sum of a * b.", []string{"a", "b"}, nil, " float32")
	sums = p.accumulators()
	l.run(chains, func(at place) { at.VFMADD231PS(at.load(0), at.load(1), sums[at.number]) })
	p.giveBack(p.total(sums), 0)
	p.leave()

	l, center := p.function("sumSquaresFromAVX2", "is the sum of the squares of x - center.", []string{"x"}, []string{"center"}, " float32")
	sums = p.accumulators()
	l.run(chains, func(at place) {
		d := at.only(at.sub(at.load(0), center[0]))
		at.VFMADD231PS(d, d, sums[at.number])
	})
	p.giveBack(p.total(sums), 0)
	p.leave()

	p.sumSquares()
	p.maximum()
}

// sumSquares is in float64.
func (p *program) sumSquares() {
	l, _ := p.function("sumSquaresAVX2", "is the sum of the squares of x, in float64.", []string{"x"}, nil, " float64")
	sums := p.accumulators()
	l.run(chains/2, func(at place) {
		x := at.load(0)
		low, high, upper := at.YMM(), at.YMM(), at.XMM()
		at.VEXTRACTF128(operand.U8(1), x, upper)
		at.VCVTPS2PD(x.AsX(), low)
		at.VCVTPS2PD(upper, high)
		at.VFMADD231PD(low, low, sums[2*at.number])
		at.VFMADD231PD(high, high, sums[2*at.number+1])
	})
	p.VADDPD(sums[1], sums[0], sums[0])
	p.VADDPD(sums[3], sums[2], sums[2])
	p.VADDPD(sums[2], sums[0], sums[0])
	low, high := p.XMM(), p.XMM()
	p.VEXTRACTF128(operand.U8(1), sums[0], high)
	p.VADDPD(high, sums[0].AsX(), low)
	p.VUNPCKHPD(low, low, high)
	p.VADDSD(high, low, low)
	p.giveBack(low, 0)
	p.leave()
}

// maximum passes over NaN: what is computed with it afterwards finds that again.
func (p *program) maximum() {
	l, _ := p.function("maxAVX2", "is the largest of x, of those that are numbers; -Inf if none is.", []string{"x"}, nil, " float32")
	lowest := p.constant(math.Inf(-1))
	var tops []vec
	for range chains {
		tops = append(tops, p.copy(lowest))
	}
	l.run(chains, func(at place) {
		x := at.load(0)
		if at.masked {
			x = at.choose(at.mask, x, lowest)
		}
		at.VMAXPS(tops[at.number], x, tops[at.number])
	})
	top := p.most(p.most(tops[0], tops[1]), p.most(tops[2], tops[3]))
	p.giveBack(p.across(top, func(a, b, to reg.Register) { p.VMAXPS(a, b, to) }), 0)
	p.leave()
}
