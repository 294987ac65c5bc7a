package floats

// This file narrows float64 with one rounding. The nearest F16 of the nearest
// float32 is not always the nearest F16: 1+2^-11+2^-40 rounds to the tie
// 1+2^-11 first, and from there down to 1. Rounding to odd in the first step
// (Boldo and Melquiond, IEEE Transactions on Computers 57(4), 2008) prevents
// it: a value that is not exact keeps an odd last bit, so it is never a tie.
// That takes two bits more in the middle than in the end; F32 has thirteen more
// than F16 and sixteen more than BF16, also where those are subnormal.

import "math"

// f64Rebias is what a float64 exponent is higher than a float32 one.
const f64Rebias = 1023 - 127

// f64ToF16 returns the bits of the F16 nearest to d, ties to even.
func f64ToF16(d float64) uint16 { return F32ToF16(f64ToF32Odd(d)) }

// f64ToBF16 returns the bits of the BF16 nearest to d, ties to even.
func f64ToBF16(d float64) uint16 { return F32ToBF16(f64ToF32Odd(d)) }

// f64ToF32 returns the float32 nearest to d, ties to even. A NaN comes back
// quiet with its sign and the upper bits of its payload: Go's own conversion
// leaves those to the processor, and not all keep them.
func f64ToF32(d float64) float32 {
	if d != d {
		return f64NaNToF32(d)
	}
	return float32(d)
}

// f64ToF32Odd returns d if it is a float32, else that one of its two float32
// neighbours whose last bit is 1. The neighbours of a value beyond the largest
// float32 are that (an odd one) and Inf.
func f64ToF32Odd(d float64) float32 {
	bits := math.Float64bits(d)
	exp := bits >> 52 & 0x7ff
	if exp-f64Rebias-1 >= 0xfe { // not among the normal float32
		return f64RareToF32Odd(d)
	}
	sign, mag := uint32(bits>>32)&0x80000000, uint32(bits>>29&(1<<34-1)-f64Rebias<<23)
	inexact := uint32((bits&(1<<29-1) + (1<<29 - 1)) >> 29)
	return math.Float32frombits(sign | mag | inexact)
}

// f64RareToF32Odd is f64ToF32Odd by comparison, for any d.
func f64RareToF32Odd(d float64) float32 {
	near := float32(d)
	if float64(near) == d {
		return near
	}
	if d != d {
		return f64NaNToF32(d)
	}
	bits := math.Float32bits(near)
	if math.Abs(float64(near)) > math.Abs(d) {
		bits-- // towards zero; of this one and near, one is odd
	}
	return math.Float32frombits(bits | 1)
}

// f64NaNToF32 converts the NaN d.
func f64NaNToF32(d float64) float32 {
	bits := math.Float64bits(d)
	sign, payload := uint32(bits>>32)&0x80000000, uint32(bits>>29)&0x007fffff
	return math.Float32frombits(sign | f32Inf | f32Quiet | payload)
}
