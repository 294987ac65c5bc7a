package runs

// This file counts NaN and infinities in the bytes of a tensor, at the speed of memory where
// there are none.

import (
	"bytes"
	"encoding/binary"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// found is how many elements of a kind a tensor has.
type found struct {
	count int
	first int // its index, in row-major order; 0 without any
}

func (f *found) add(i int) {
	if f.count == 0 {
		f.first = i
	}
	f.count++
}

// notFiniteIn looks at all elements of b: little-endian, of dtype d, at any address. A complex
// element counts once, as NaN if one of its parts is. Types that have neither NaN nor infinities
// are not looked at.
func notFiniteIn(b []byte, d safetensors.DType) (nan, inf found) {
	if codes, ok := nanCodes[d]; ok {
		return countCodes(b, codes), inf
	}
	if f, ok := ieee[d]; ok {
		return f.scan(b)
	}
	return nan, inf
}

// nanCodes are the NaN of the byte floats that have no infinities.
var nanCodes = map[safetensors.DType][]byte{
	safetensors.F8E4M3:     {0x7f, 0xff},
	safetensors.F8E8M0:     {0xff},
	safetensors.F8E4M3FNUZ: {0x80},
	safetensors.F8E5M2FNUZ: {0x80},
}

func countCodes(b, codes []byte) (nan found) {
	for at := 0; at < len(b); at += blockBytes {
		block := b[at:min(at+blockBytes, len(b))]
		before, first := nan.count, len(block)
		for i := range codes {
			if n := bytes.Count(block, codes[i:i+1]); n > 0 {
				first = min(first, bytes.IndexByte(block, codes[i]))
				nan.count += n
			}
		}
		if before == 0 && nan.count > 0 {
			nan.first = at + first
		}
	}
	return nan
}

// A floatLayout is a float as IEEE 754 lays it out: not finite when all bits of its exponent are
// ones, and then infinite when its mantissa is zero.
type floatLayout struct {
	bits     int    // of a number
	mantissa int    // bits of its mantissa
	numbers  int    // in an element
	exponent uint64 // the bits of all exponents in 8 bytes
	one      uint64 // the lowest bit of each
}

var ieee = map[safetensors.DType]floatLayout{
	safetensors.F8E5M2: newFloatLayout(8, 2, 1),
	safetensors.F16:    newFloatLayout(16, 10, 1),
	safetensors.BF16:   newFloatLayout(16, 7, 1),
	safetensors.F32:    newFloatLayout(32, 23, 1),
	safetensors.C64:    newFloatLayout(32, 23, 2),
	safetensors.F64:    newFloatLayout(64, 52, 1),
}

const wordBits = 64

func newFloatLayout(bits, mantissa, numbers int) floatLayout {
	l := floatLayout{bits: bits, mantissa: mantissa, numbers: numbers}
	for low := 0; low < wordBits; low += bits {
		l.one |= 1 << (low + mantissa)
		l.exponent |= l.lowMask(bits-1) &^ l.lowMask(mantissa) << low
	}
	return l
}

func (l floatLayout) lowMask(bits int) uint64 { return 1<<bits - 1 }

// blockBytes is how much is looked at before it is asked whether something was there.
const blockBytes = 4 << 10

func (l floatLayout) scan(b []byte) (nan, inf found) {
	width := l.bits / 8 * l.numbers
	for at := 0; at < len(b); at += blockBytes {
		block := b[at:min(at+blockBytes, len(b))]
		if len(block) == blockBytes && !l.suspect((*[blockBytes]byte)(block)) {
			continue
		}
		for i := 0; i+width <= len(block); i += width {
			switch l.class(block[i : i+width]) {
			case isNaN:
				nan.add((at + i) / width)
			case isInf:
				inf.add((at + i) / width)
			case isFinite:
			}
		}
	}
	return nan, inf
}

// suspect reports whether a number in block is not finite. Adding one to an exponent of all
// ones carries into the place of the sign, and into no other number, since signs are masked out
// before.
func (l floatLayout) suspect(block *[blockBytes]byte) bool {
	const unrolled = 64
	exponent, one := l.exponent, l.one
	var w0, w1, w2, w3 uint64
	for i := 0; i < blockBytes; i += unrolled {
		w := (*[unrolled]byte)(block[i:]) // which spares a check of bounds for each word
		w0 |= binary.LittleEndian.Uint64(w[0:8])&exponent + one
		w1 |= binary.LittleEndian.Uint64(w[8:16])&exponent + one
		w2 |= binary.LittleEndian.Uint64(w[16:24])&exponent + one
		w3 |= binary.LittleEndian.Uint64(w[24:32])&exponent + one
		w0 |= binary.LittleEndian.Uint64(w[32:40])&exponent + one
		w1 |= binary.LittleEndian.Uint64(w[40:48])&exponent + one
		w2 |= binary.LittleEndian.Uint64(w[48:56])&exponent + one
		w3 |= binary.LittleEndian.Uint64(w[56:64])&exponent + one
	}
	return (w0|w1|w2|w3)&l.signs() != 0
}

// signs are the highest bits of all numbers in 8 bytes.
func (l floatLayout) signs() uint64 { return l.one << (l.bits - 1 - l.mantissa) }

// A numberClass is ordered: of the parts of a complex number, the greater counts.
type numberClass int

const (
	isFinite numberClass = iota
	isInf
	isNaN
)

// class is that of one element.
func (l floatLayout) class(b []byte) (worst numberClass) {
	for range l.numbers {
		worst = max(worst, l.classOf(littleEndian(b[:l.bits/8])))
		b = b[l.bits/8:]
	}
	return worst
}

func (l floatLayout) classOf(number uint64) numberClass {
	ones := l.exponent & l.lowMask(l.bits)
	switch {
	case number&ones != ones:
		return isFinite
	case number&l.lowMask(l.mantissa) == 0:
		return isInf
	}
	return isNaN
}

func littleEndian(b []byte) (x uint64) {
	for i, v := range b {
		x |= uint64(v) << (8 * i)
	}
	return x
}
