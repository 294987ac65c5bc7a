package floats

// This file converts single BF16 and F32 values: BF16 is the upper half of F32.

import "math"

// bf16Quiet is the mantissa bit that tells a quiet NaN.
const bf16Quiet = 0x0040

// BF16ToF32 returns the value of the BF16 with bits b. No bit changes, not even
// in a signalling NaN.
func BF16ToF32(b uint16) float32 {
	return math.Float32frombits(uint32(b) << 16)
}

// F32ToBF16 returns the bits of the BF16 nearest to f, ties to even; what rounds
// past the largest BF16 becomes Inf. A NaN comes back quiet with its sign and
// the upper six bits of its payload.
func F32ToBF16(f float32) uint16 {
	bits := math.Float32bits(f)
	if bits&0x7fffffff > f32Inf {
		// Rounding could carry a NaN's payload into the exponent and the sign,
		// and cutting it off could leave Inf.
		return uint16(bits>>16) | bf16Quiet
	}
	return uint16((bits + 0x7fff + bits>>16&1) >> 16)
}
