package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// This file is the frame of every function: arguments, the loop, its end.

// lanes is how many float32 are in a vector.
const lanes = 8

type (
	vec = reg.VecVirtual // eight float32
	ptr = reg.Register   // the address of the next elements of a slice
)

// program is the file being written.
type program struct {
	*build.Context
	constants map[uint32]operand.Mem
	masks     operand.Mem
}

// function begins a function of slices, of floats that are one number for all elements, and of
// results. It returns the registers of the first two.
func (p *program) function(name, doc string, slices, floats []string, results string) (l loop, numbers []vec) {
	var arguments []string
	for _, s := range slices {
		arguments = append(arguments, s+" *float32")
	}
	for _, s := range floats {
		arguments = append(arguments, s+" float32")
	}
	arguments = append(arguments, "n int")
	p.TEXT(name, doc, fmt.Sprintf("func(%s)%s", strings.Join(arguments, ", "), results))
	l = loop{program: p}
	for _, s := range slices {
		l.slices = append(l.slices, p.Load(p.Param(s), p.GP64()))
	}
	for _, s := range floats {
		argument, err := p.Param(s).Resolve()
		if err != nil {
			panic(err)
		}
		number := p.YMM()
		p.VBROADCASTSS(argument.Addr, number)
		numbers = append(numbers, number)
	}
	l.n = p.Load(p.Param("n"), p.GP64())
	return l, numbers
}

// TEXT begins a function without a frame.
func (p *program) TEXT(name, doc, signature string) {
	p.Function(name)
	p.Attributes(attr.NOSPLIT)
	p.Pragma("noescape")
	p.Doc(name + " " + doc)
	p.SignatureExpr(signature)
}

// leave ends a function.
func (p *program) leave() {
	p.VZEROUPPER()
	p.RET()
}

// loop goes over n elements of slices.
type loop struct {
	*program
	slices []ptr
	n      reg.Register
}

// run writes the loop. body does one vector; it is written unrolled times for as many at a
// time, once for those left, and once with a mask for the elements left of those.
func (l *loop) run(unrolled int, body func(at place)) {
	if unrolled > 1 {
		l.repeat("wide", "narrow", unrolled, body)
	}
	l.repeat("narrow", "tail", 1, body)
	l.Label("tail")
	l.TESTQ(l.n, l.n)
	l.JZ(operand.LabelRef("done"))
	// The masks of n lanes begin n before the middle of the table.
	mask, table := l.YMM(), l.GP64()
	l.LEAQ(l.masks.Offset(4*lanes), table)
	l.SHLQ(operand.U8(2), l.n)
	l.SUBQ(l.n, table)
	l.VMOVUPS(operand.Mem{Base: table}, mask)
	body(place{loop: l, mask: mask, masked: true})
	l.Label("done")
}

func (l *loop) repeat(name, next string, count int, body func(at place)) {
	l.Label(name)
	l.CMPQ(l.n, operand.I32(lanes*count))
	l.JL(operand.LabelRef(next))
	for i := range count {
		body(place{loop: l, number: i})
	}
	for _, s := range l.slices {
		l.ADDQ(operand.I32(4*lanes*count), s)
	}
	l.SUBQ(operand.I32(lanes*count), l.n)
	l.JMP(operand.LabelRef(name))
}

// place is where in the loop a body is.
type place struct {
	*loop
	number int // of the vector, of those that are done at a time
	mask   vec
	masked bool // whether only the lanes of mask are elements
}

func (at place) address(slice int) operand.Mem {
	return operand.Mem{Base: at.slices[slice], Disp: 4 * lanes * at.number}
}

// load gives the elements of a slice, and 0 for lanes that are none.
func (at place) load(slice int) vec {
	v := at.YMM()
	if at.masked {
		at.VMASKMOVPS(at.address(slice), at.mask, v)
	} else {
		at.VMOVUPS(at.address(slice), v)
	}
	return v
}

func (at place) store(v vec, slice int) {
	if at.masked {
		at.VMASKMOVPS(v, at.mask, at.address(slice))
	} else {
		at.VMOVUPS(v, at.address(slice))
	}
}

// only makes lanes of v that are no elements 0.
func (at place) only(v vec) vec {
	if !at.masked {
		return v
	}
	return at.and(v, at.mask)
}

// maskTable writes eight lanes of ones and eight of zeros.
func (p *program) maskTable() {
	p.masks = p.StaticGlobal("masks")
	p.DataAttributes(attr.RODATA | attr.NOPTR)
	for i := range 2 * lanes {
		ones := uint32(0)
		if i < lanes {
			ones = math.MaxUint32
		}
		p.AppendDatum(operand.U32(ones))
	}
}

// bits is a constant in all lanes.
func (p *program) bits(value uint32) operand.Mem {
	if m, ok := p.constants[value]; ok {
		return m
	}
	m := p.StaticGlobal(fmt.Sprintf("x%08x", value))
	p.DataAttributes(attr.RODATA | attr.NOPTR)
	for range lanes {
		p.AppendDatum(operand.U32(value))
	}
	p.constants[value] = m
	return m
}

// number is bits of a float32.
func (p *program) number(value float64) operand.Mem {
	return p.bits(math.Float32bits(float32(value)))
}
