package kernel

import "math/bits"

// dropoutFrom is Dropout of elements that begin at an index, on the calling goroutine. y may be x.
func dropoutFrom[T Float](y, x []T, seed uint64, first int, p float64) {
	if p >= 1 {
		clear(y)
		return
	}
	limit := uint64(p * (1 << 64))
	factors := [2]T{T(1 / (1 - p)), 0}
	state := mix(seed) + uint64(first)*golden
	for i, v := range x {
		state += golden
		_, below := bits.Sub64(mix(state), limit, 0)
		y[i] = v * factors[below&1]
	}
}
