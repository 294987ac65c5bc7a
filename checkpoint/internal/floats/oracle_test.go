package floats

// This file holds what the tests compare with: each format by its definition,
// as an exponent and a fraction, and rounding by float64 arithmetic. Neither
// shares a method with the package.

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// A definition is a format as its specification puts it.
type definition struct {
	name                   string
	signBits, expBits, man int
	bias                   int
	isNaN, isInf           func(code int) bool
	decode                 func(dst []float32, src []byte)
}

func never(int) bool { return false }

func codes(list ...int) func(int) bool {
	return func(code int) bool {
		for _, c := range list {
			if c == code {
				return true
			}
		}
		return false
	}
}

var definitions = []definition{
	{"F16", 1, 5, 10, 15, func(c int) bool { return c&0x7fff > 0x7c00 }, codes(0x7c00, 0xfc00), DecodeF16},
	{"BF16", 1, 8, 7, 127, func(c int) bool { return c&0x7fff > 0x7f80 }, codes(0x7f80, 0xff80), DecodeBF16},
	{"F8_E5M2", 1, 5, 2, 15, codes(0x7d, 0x7e, 0x7f, 0xfd, 0xfe, 0xff), codes(0x7c, 0xfc), DecodeF8E5M2},
	{"F8_E4M3", 1, 4, 3, 7, codes(0x7f, 0xff), never, DecodeF8E4M3},
	{"F8_E5M2FNUZ", 1, 5, 2, 16, codes(0x80), never, DecodeF8E5M2FNUZ},
	{"F8_E4M3FNUZ", 1, 4, 3, 8, codes(0x80), never, DecodeF8E4M3FNUZ},
	{"F8_E8M0", 0, 8, 0, 127, codes(0xff), never, DecodeF8E8M0},
	{"F6_E3M2", 1, 3, 2, 3, never, never, DecodeF6E3M2},
	{"F6_E2M3", 1, 2, 3, 1, never, never, DecodeF6E2M3},
	{"F4", 1, 2, 1, 1, never, never, DecodeF4},
}

// bits is the size of an element.
func (d definition) bits() int { return d.signBits + d.expBits + d.man }

// size is how many bytes n elements take.
func (d definition) size(n int) int { return (n*d.bits() + 7) / 8 }

// value is the number that code stands for, or a NaN.
func (d definition) value(code int) float64 {
	if d.isNaN(code) {
		return math.NaN()
	}
	sign := 1.0
	if d.signBits == 1 && code>>(d.bits()-1) == 1 {
		sign = math.Copysign(1, -1)
	}
	if d.isInf(code) {
		return sign * math.Inf(1)
	}
	exp, fraction := code>>d.man%(1<<d.expBits), math.Ldexp(float64(code%(1<<d.man)), -d.man)
	if exp == 0 && d.man > 0 {
		return sign * math.Ldexp(fraction, 1-d.bias)
	}
	return sign * math.Ldexp(1+fraction, exp-d.bias)
}

// pack lays codes out as all formats do: bit j of element i is bit i*bits+j of
// the bytes, counted from the lowest bit of the first byte.
func (d definition) pack(codes []int) []byte {
	b := make([]byte, d.size(len(codes)))
	for i, code := range codes {
		for j := range d.bits() {
			at := i*d.bits() + j
			b[at/8] |= byte(code>>j&1) << (at % 8)
		}
	}
	return b
}

// allCodes returns every code of the format, in order.
func (d definition) allCodes() []int {
	list := make([]int, 1<<d.bits())
	for code := range list {
		list[code] = code
	}
	return list
}

// nearest rounds x to the format once, ties to even: as a whole number of the
// steps between values of x's size. All float64 operations on the way are exact
// but math.RoundToEven, which is the rounding.
func (d definition) nearest(x float64) float64 {
	if x == 0 || math.IsNaN(x) || math.IsInf(x, 0) {
		return x
	}
	_, exp := math.Frexp(x)
	step := max(exp-1, 1-d.bias) - d.man
	y := math.Ldexp(math.RoundToEven(math.Ldexp(x, -step)), step)
	if math.Abs(y) >= math.Ldexp(1, 1<<d.expBits-1-d.bias) {
		return math.Inf(int(math.Copysign(1, x)))
	}
	return y
}

// requireSame requires that got is want with its sign, or, where want is a NaN,
// that got is a quiet NaN.
func requireSame(t *testing.T, want float64, got float32, what string, args ...any) {
	t.Helper()
	if math.IsNaN(want) {
		if !isQuiet(got) {
			require.Failf(t, "not a quiet NaN", what+": got %08x", append(args, math.Float32bits(got))...)
		}
		return
	}
	if math.Float64bits(float64(got)) != math.Float64bits(want) {
		require.Failf(t, "wrong value", what+": got %v, want %v", append(args, got, want)...)
	}
}

// isQuiet tells whether f is a quiet NaN.
func isQuiet(f float32) bool {
	return math.Float32bits(f)&0x7fffffff >= 0x7fc00000
}
