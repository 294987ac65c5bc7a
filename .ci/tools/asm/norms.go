package main

// This file is the passes of normalization over a row, as in norm.go of the kernels.

func (p *program) normLoops() {
	l, number := p.function("normAVX2", "writes (x - mean) * rstd * gain + bias to y.",
		[]string{"y", "x", "gain", "bias"}, []string{"mean", "rstd"}, "")
	l.run(2, func(at place) {
		hat := at.mul(at.sub(at.load(1), number[0]), number[1])
		at.store(at.fma(hat, at.load(2), at.load(3)), 0)
	})
	p.leave()

	l, number = p.function("normSumsAVX2", "gives the sums of gain*dy and of gain*dy*(x - mean)*rstd.",
		[]string{"x", "gain", "dy"}, []string{"mean", "rstd"}, " (plain, scaled float32)")
	plain, scaled := p.accumulators(), p.accumulators()
	l.run(chains, func(at place) {
		hat := at.mul(at.sub(at.load(0), number[0]), number[1])
		d := at.mul(at.load(1), at.load(2))
		at.VADDPS(d, plain[at.number], plain[at.number])
		at.VFMADD231PS(d, at.only(hat), scaled[at.number])
	})
	p.giveBack(p.total(plain), 0)
	p.giveBack(p.total(scaled), 1)
	p.leave()

	l, number = p.function("normGradAVX2", "writes rstd * (gain*dy - plain - (x - mean)*rstd*scaled) to dx.",
		[]string{"dx", "x", "gain", "dy"}, []string{"mean", "rstd", "plain", "scaled"}, "")
	l.run(2, func(at place) {
		hat := at.mul(at.sub(at.load(1), number[0]), number[1])
		d := at.fms(at.load(2), at.load(3), number[2])
		at.store(at.mul(at.fnma(hat, number[3], d), number[1]), 0)
	})
	p.leave()

	l, number = p.function("normParamsAVX2", "adds dy * (x - mean) * rstd to dgain, and dy to dbias.",
		[]string{"dgain", "dbias", "x", "dy"}, []string{"mean", "rstd"}, "")
	l.run(2, func(at place) {
		hat, dy := at.mul(at.sub(at.load(2), number[0]), number[1]), at.load(3)
		at.store(at.fma(hat, dy, at.load(0)), 0)
		at.store(at.add(dy, at.load(1)), 1)
	})
	p.leave()
}
