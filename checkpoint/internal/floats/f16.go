package floats

// This file converts single F16 and F32 values. The bulk functions apply these,
// so what holds for one element is decided here. Zeros and subnormals come mixed
// with other numbers in any order, so both results are computed and one is
// selected without a branch; only Inf, NaN and numbers too large are rare enough
// for one.

import "math"

const (
	// f16Rebias turns an F16 exponent, already at its place in an F32, into an
	// F32 exponent: 127-15 in units of one exponent step.
	f16Rebias = (127 - 15) << 23

	f32Inf   = 0x7f800000
	f32Quiet = 0x00400000 // the mantissa bit that tells a quiet NaN
	f16Inf   = 0x7c00
	f16Quiet = 0x0200
)

// F16ToF32 returns the value of the F16 with bits h. It is exact; a NaN comes
// back quiet with its sign and payload, as from the VCVTPH2PS instruction.
func F16ToF32(h uint16) float32 {
	sign, mag := uint32(h)&0x8000<<16, uint32(h)&0x7fff
	// Subnormals and zero are mag units of 2^-24. Set as the lower bits of 0.5
	// they count in just that unit, and no subnormal F32 arises on the way:
	// some processors take a hundred cycles for one.
	small := math.Float32bits(math.Float32frombits(0x3f000000|mag) - 0.5)
	bits := mag<<13 + f16Rebias
	if mag < 0x0400 {
		bits = small
	}
	if mag >= f16Inf {
		bits = f16SpecialToF32(mag)
	}
	return math.Float32frombits(sign | bits)
}

// f16SpecialToF32 converts the magnitude of an infinity or a NaN.
func f16SpecialToF32(mag uint32) uint32 {
	if mag == f16Inf {
		return f32Inf
	}
	return f32Inf | f32Quiet | mag&0x03ff<<13
}

// F32ToF16 returns the bits of the F16 nearest to f, ties to even. From 65520
// on, half a step beyond the largest F16, the result is Inf. A NaN comes back
// quiet with its sign and the upper nine bits of its payload.
func F32ToF16(f float32) uint16 {
	bits := math.Float32bits(f)
	sign, mag := bits>>16&0x8000, bits&0x7fffffff
	h := (mag - f16Rebias + 0x0fff + mag>>13&1) >> 13
	// One unit in the last place of 0.5 is 2^-24, the step of F16 subnormals, so
	// the addition rounds just where we have to.
	small := math.Float32bits(math.Float32frombits(mag)+0.5) - 0x3f000000
	if mag < 0x38800000 { // below 2^-14: subnormal or zero
		h = small
	}
	if mag >= 0x47800000 { // from 65536 on; below it a carry out of the mantissa gives Inf
		h = f32HugeToF16(mag)
	}
	return uint16(sign | h)
}

// f32HugeToF16 converts the magnitude of a number too large, of Inf or of a NaN.
func f32HugeToF16(mag uint32) uint32 {
	if mag <= f32Inf {
		return f16Inf
	}
	return f16Inf | f16Quiet | mag>>13&0x03ff
}
