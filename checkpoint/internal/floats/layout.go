package floats

// This file gives a value to each code of the formats of eight bits and fewer,
// from their description alone, and keeps the values in tables.

import (
	"math"
	"math/bits"
)

// A layout describes a format of at most eight bits: from the top a sign, the
// exponent and the mantissa. Exponent 0 means a subnormal.
type layout struct {
	expBits, manBits int
	bias             int // subtracted from the stored exponent
	special          special
}

// special says which codes are not finite numbers.
type special uint8

const (
	allFinite      special = iota
	ieee                   // the highest exponent: Inf if the mantissa is 0, else NaN
	highestIsNaN           // all bits set but the sign; the finite values go up to it
	minusZeroIsNaN         // only the sign set, which then is no zero
)

var (
	layoutE5M2     = layout{expBits: 5, manBits: 2, bias: 15, special: ieee}
	layoutE4M3     = layout{expBits: 4, manBits: 3, bias: 7, special: highestIsNaN}
	layoutE5M2FNUZ = layout{expBits: 5, manBits: 2, bias: 16, special: minusZeroIsNaN}
	layoutE4M3FNUZ = layout{expBits: 4, manBits: 3, bias: 8, special: minusZeroIsNaN}
	layoutE3M2     = layout{expBits: 3, manBits: 2, bias: 3}
	layoutE2M3     = layout{expBits: 2, manBits: 3, bias: 1}
	layoutE2M1     = layout{expBits: 2, manBits: 1, bias: 1}
)

// The tables are built once, when the program starts: 1,424 values, under 6 KiB,
// some 25 microseconds.
var (
	tableE5M2     = byteTable(layoutE5M2.value)
	tableE4M3     = byteTable(layoutE4M3.value)
	tableE5M2FNUZ = byteTable(layoutE5M2FNUZ.value)
	tableE4M3FNUZ = byteTable(layoutE4M3FNUZ.value)
	tableE8M0     = byteTable(e8m0)
	tableE3M2     = [64]float32(sliceTable(64, layoutE3M2.value))
	tableE2M3     = [64]float32(sliceTable(64, layoutE2M3.value))
	tableE2M1     = [16]float32(sliceTable(16, layoutE2M1.value))
)

// byteTable holds value for every byte.
func byteTable(value func(uint8) float32) [256]float32 {
	return [256]float32(sliceTable(256, value))
}

// sliceTable returns value of the codes 0 to n-1.
func sliceTable(n int, value func(uint8) float32) []float32 {
	t := make([]float32, n)
	for code := range t {
		t[code] = value(uint8(code))
	}
	return t
}

// value returns the number that code stands for. No format here has a value
// that would be subnormal as a float32.
func (l layout) value(code uint8) float32 {
	sign, exp, man := l.split(code)
	switch {
	case l.isNaN(code):
		return math.Float32frombits(sign | f32Inf | f32Quiet | man<<(23-l.manBits))
	case l.special == ieee && exp == 1<<l.expBits-1:
		return math.Float32frombits(sign | f32Inf)
	case exp == 0 && man == 0:
		return math.Float32frombits(sign)
	case exp == 0:
		exp, man = l.normalize(man)
	}
	return math.Float32frombits(sign | uint32(exp-l.bias+127)<<23 | man<<(23-l.manBits))
}

// split returns the fields of code, the sign at its place in an F32.
func (l layout) split(code uint8) (sign uint32, exp int, man uint32) {
	sign = uint32(code) >> (l.expBits + l.manBits) & 1 << 31
	exp = int(code) >> l.manBits & (1<<l.expBits - 1)
	return sign, exp, uint32(code) & (1<<l.manBits - 1)
}

// isNaN tells whether code is a NaN.
func (l layout) isNaN(code uint8) bool {
	signBit := uint8(1) << (l.expBits + l.manBits)
	mag := code & (signBit - 1)
	switch l.special {
	case ieee:
		return mag > signBit-1<<l.manBits // above the code of Inf
	case highestIsNaN:
		return mag == signBit-1
	case minusZeroIsNaN:
		return code == signBit
	}
	return false
}

// normalize turns the mantissa of a subnormal, not 0, into the exponent and
// mantissa that it would have if exponents went on below 1.
func (l layout) normalize(man uint32) (exp int, normal uint32) {
	shift := l.manBits + 1 - bits.Len32(man)
	return 1 - shift, man << shift & (1<<l.manBits - 1)
}

// e8m0 is the format without sign and mantissa: code is the exponent of an F32,
// but for the two ends, where F32 has subnormals (2^-127 is one) and Inf.
func e8m0(code uint8) float32 {
	switch code {
	case 0:
		return 0x1p-127
	case 0xff:
		return math.Float32frombits(f32Inf | f32Quiet)
	}
	return math.Float32frombits(uint32(code) << 23)
}
