package main

// This file is the passes of soft-max over a row.

func (p *program) softmaxLoops() {
	// exp(x - top) and its sum. x is no more than top.
	l, top := p.function("expSumAVX2", "writes exp(x - top), where x <= top, to y, and gives the sum.",
		[]string{"y", "x"}, []string{"top"}, " float32")
	sums := p.accumulators()
	l.run(2, func(at place) {
		e := at.expBelow(at.sub(at.load(1), top[0]))
		at.store(e, 0)
		at.VADDPS(at.only(e), sums[at.number], sums[at.number])
	})
	p.giveBack(p.total(sums), 0)
	p.leave()

	l, top = p.function("sumExpAVX2", "is the sum of exp(x - top), where x <= top.",
		[]string{"x"}, []string{"top"}, " float32")
	sums = p.accumulators()
	l.run(2, func(at place) {
		e := at.expBelow(at.sub(at.load(0), top[0]))
		at.VADDPS(at.only(e), sums[at.number], sums[at.number])
	})
	p.giveBack(p.total(sums), 0)
	p.leave()

	l, dot := p.function("softmaxGradAVX2", "writes y * (dy - dot) to dx.",
		[]string{"dx", "y", "dy"}, []string{"dot"}, "")
	l.run(4, func(at place) { at.store(at.mul(at.sub(at.load(2), dot[0]), at.load(1)), 0) })
	p.leave()

	l, sum := p.function("logSoftmaxGradAVX2", "writes dy - exp(y)*sum, where y <= 0, to dx.",
		[]string{"dx", "y", "dy"}, []string{"sum"}, "")
	l.run(1, func(at place) {
		at.store(at.fnma(at.expBelow(at.load(1)), sum[0], at.load(2)), 0)
	})
	p.leave()
}
