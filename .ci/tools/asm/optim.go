package main

import "github.com/mmcloughlin/avo/operand"

// adamSettings is the order of what adam takes beside slices.
var adamSettings = []string{
	"limit", "scale", "decay", "shrink", "beta1", "rest1", "beta2", "rest2", "rate", "correction", "epsilon",
}

// optimizerLoops has no product and sum in one instruction, so that the bits are those of the loop in Go.
func (p *program) optimizerLoops() {
	l, _ := p.function("adamAVX2", "is Adam with the settings limit, scale, decay, shrink, beta1, rest1, beta2, rest2, rate, correction and epsilon.",
		[]string{"w", "dw", "m", "v", "settings"}, nil, "")
	settings := l.slices[4]
	l.slices = l.slices[:4]
	setting := func(name string) vec {
		number := p.YMM()
		for i, s := range adamSettings {
			if s == name {
				p.VBROADCASTSS(operand.Mem{Base: settings, Disp: 4 * i}, number)
			}
		}
		return number
	}
	l.run(1, func(at place) {
		w, limit := at.load(0), setting("limit")
		g := at.least(limit, at.load(1))
		g = at.most(at.negative(limit), g)
		g = at.add(at.mul(g, setting("scale")), at.mul(w, setting("decay")))
		m := at.add(at.mul(at.load(2), setting("beta1")), at.mul(g, setting("rest1")))
		at.store(m, 2)
		v := at.add(at.mul(at.load(3), setting("beta2")), at.mul(at.mul(g, setting("rest2")), g))
		at.store(v, 3)
		root := at.YMM()
		at.VSQRTPS(v, root)
		root = at.add(at.mul(root, setting("correction")), setting("epsilon"))
		step := at.div(at.mul(m, setting("rate")), root)
		at.store(at.sub(at.mul(w, setting("shrink")), step), 0)
	})
	p.leave()
}
