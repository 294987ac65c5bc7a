package kernel

import "github.com/fb777929/kibisis/nn/internal/workers"

// This file is dropout, whose random numbers are a function of seed and index and so need no
// order.

// Dropout writes x/(1-p) to y where a number drawn for seed and index is no less than p, and 0
// times x elsewhere: torch.nn.Dropout, arXiv:1207.0580. y may be x. The gradient is the same
// function of dy.
//
// The mask of an element depends on seed, index and p alone, and what a smaller p drops a larger
// one drops too. p = 0 copies, p = 1 writes zeros.
func Dropout[T Float](y, x []T, seed uint64, p float64) {
	if p <= 0 {
		copy(y, x)
		return
	}
	workers.Blocks(len(x), heavy, func(begin, end int) {
		dropoutFrom(y[begin:end], x[begin:end], seed, begin, p)
	})
}

// golden is 2**64 divided by the golden ratio, to an odd number.
const golden = 0x9e3779b97f4a7c15

// mix is the output function of SplitMix64 (Steele, Lea and Flood, Fast splittable pseudorandom
// number generators, OOPSLA 2014; variant 13 of Stafford's finalizers). Element i of a seed is
// number i+1 of the generator that begins at mix(seed).
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
