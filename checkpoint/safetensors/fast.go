package safetensors

// This file is the short way through a header: entries in the one spelling that
// nearly all writers use. What it takes, the general grammar of header.go takes
// with the same result; the rest it leaves to that.

import (
	"encoding/binary"
	"math/bits"
)

// canonical takes a member that is a tensor spelled as the reference spells it,
//
//	"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}
//
// with no escape in the name. Where the text differs from that, it takes nothing.
func (h *header) canonical(e *entry) bool {
	// Comparisons with constants of up to 16 bytes are one or two instructions.
	const dtype, shape, offsets, offsets2, end = `":{"dtype":"`, `","shape":[`, `],"data_`, `offsets":[`, `]}`
	t, p := h.text, h.pos
	if p >= len(t) || t[p] != '"' {
		return false
	}
	begin := p + 1
	p = h.plain(begin)
	e.name = ref{uint32(begin), uint32(p - begin)}
	if len(t)-p < len(dtype) || string(t[p:p+len(dtype)]) != dtype || string(t[begin:p]) == metadataName {
		return false
	}
	e.dtype, p = shortDType(t, p+len(dtype))
	if len(t)-p < len(shape) || string(t[p:p+len(shape)]) != shape {
		return false
	}
	p += len(shape)
	e.shape = uint32(p - 1)
	size, p := shortShape(t, p)
	if len(t)-p < len(offsets)+len(offsets2) || string(t[p:p+len(offsets)]) != offsets {
		return false
	}
	p += len(offsets)
	if string(t[p:p+len(offsets2)]) != offsets2 {
		return false
	}
	e.begin, p = number(t, p+len(offsets2))
	if p >= len(t) || t[p] != ',' {
		return false
	}
	e.end, p = number(t, p+1)
	if len(t)-p < len(end) || string(t[p:p+len(end)]) != end {
		return false
	}
	h.pos = p + len(end)
	e.fault = size.fault(e)
	return true
}

// shortShape multiplies the dims at p. It returns where the closing bracket stands,
// the length of t where there is none.
func shortShape(t []byte, p int) (size sizer, end int) {
	if p < len(t) && t[p] == ']' {
		return newSizer(), p
	}
	elements, over := uint64(1), uint64(0)
	for {
		var dim, hi uint64
		dim, p = number(t, p)
		hi, elements = bits.Mul64(elements, dim)
		over |= hi
		if p >= len(t) || t[p] != ',' {
			return sizer{elements, over != 0}, p
		}
		p++
	}
}

// shortDType returns the dtype whose name begins at p and the position of the
// quote behind it, the length of t where there is none.
func shortDType(t []byte, p int) (DType, int) {
	const longest = 11
	for q := p; q < len(t) && q <= p+longest; q++ {
		if t[q] == '"' {
			if d := dtypeOf(t[p:q]); d.valid() {
				return d, q
			}
			break
		}
	}
	return 0, len(t)
}

// number takes the first 16 digits of a non-negative integer, behind which the text
// goes on for a word or more. It returns where they end, the length of t where there
// are none. (Behind the digits that it takes callers want something else.)
func number(t []byte, p int) (n uint64, end int) {
	if len(t)-p < 8 {
		return 0, len(t)
	}
	x, digits := digitsAt(t, p)
	if digits == 0 || digits > 1 && t[p] == '0' {
		return 0, len(t)
	}
	if digits < 8 {
		return eight(x), p + digits
	}
	if p += 8; len(t)-p < 8 {
		return 0, len(t)
	}
	y, more := digitsAt(t, p)
	return eight(x)*powers[more] + eight(y), p + more
}

// digitsAt returns the digits that the next eight bytes begin with, moved to the upper
// end, and how many there are.
func digitsAt(t []byte, p int) (x uint64, n int) {
	const each = 0x0101010101010101
	x = binary.LittleEndian.Uint64(t[p:]) ^ each*'0' // a digit becomes its value
	n = bits.TrailingZeros64((x+each*0x76|x)&(each*0x80)) / 8
	return x << (64 - 8*n), n
}

var powers = [...]uint64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}

// eight is the number of eight digits, the first in the lowest byte of x.
func eight(x uint64) uint64 {
	x = (x*10 + x>>8) & 0x00ff00ff00ff00ff
	x = (x*100 + x>>16) & 0x0000ffff0000ffff
	return (x*10000 + x>>32) & 0xffffffff
}
