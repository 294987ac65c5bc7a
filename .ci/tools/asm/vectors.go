package main

import "strings"

// This file is functions of elements, one by one.

// map1 writes a function that writes f(x) to y.
func (p *program) map1(name, doc string, unrolled int, f func(x vec) vec) {
	l, _ := p.function(name+"AVX2", doc, []string{"y", "x"}, nil, "")
	l.run(unrolled, func(at place) { at.store(f(at.load(1)), 0) })
	p.leave()
}

// map2 writes a function of two slices, the last two of the three that are named.
func (p *program) map2(name, doc, slices string, unrolled int, f func(a, b vec) vec) {
	l, _ := p.function(name+"AVX2", doc, strings.Split(slices, ", "), nil, "")
	l.run(unrolled, func(at place) { at.store(f(at.load(1), at.load(2)), 0) })
	p.leave()
}

func (p *program) vectorLoops() {
	p.map2("add", "writes a + b to y.", "y, a, b", 4, func(a, b vec) vec { return p.add(a, b) })
	p.map2("mul", "writes a * b to y.", "y, a, b", 4, func(a, b vec) vec { return p.mul(a, b) })

	l, c := p.function("scaleAVX2", "writes c*x to y.", []string{"y", "x"}, []string{"c"}, "")
	l.run(4, func(at place) { at.store(at.mul(at.load(1), c[0]), 0) })
	p.leave()

	l, c = p.function("axpyAVX2", "adds c*x to y.", []string{"y", "x"}, []string{"c"}, "")
	l.run(4, func(at place) { at.store(at.fma(at.load(1), c[0], at.load(0)), 0) })
	p.leave()

	l, c = p.function("lessAVX2", "writes x - a - b to y.", []string{"y", "x"}, []string{"a", "b"}, "")
	l.run(4, func(at place) { at.store(at.sub(at.sub(at.load(1), c[0]), c[1]), 0) })
	p.leave()
}
