package data

// This file is the order of an epoch. It is part of what a saved position means: it must never
// change.

import (
	"math/bits"
	"math/rand/v2"
)

// arrange writes the rows, in the order of the epoch, to order, which may be nil.
func (s *Sampler) arrange(order []int, epoch int64) []int {
	if order == nil {
		order = make([]int, s.rows)
	}
	for i := range order {
		order[i] = i
	}
	if !s.o.Sequential {
		shuffle(order, rand.NewPCG(s.o.Seed, uint64(epoch)))
	}
	return order
}

// shuffle is that of Fisher and Yates. It is here, because only the sequence of a PCG is promised
// to stay the same in later versions of Go, not what rand.Shuffle makes of it.
func shuffle(order []int, source *rand.PCG) {
	for i := len(order) - 1; i > 0; i-- {
		j := below(uint64(i)+1, source)
		order[i], order[j] = order[j], order[i]
	}
}

// below is a number from 0 to n-1, all equally likely (Lemire, "Fast Random Integer Generation in an
// Interval", arXiv:1805.10941, algorithm 5).
func below(n uint64, source *rand.PCG) uint64 {
	hi, lo := bits.Mul64(source.Uint64(), n)
	if lo < n {
		for least := -n % n; lo < least; {
			hi, lo = bits.Mul64(source.Uint64(), n)
		}
	}
	return hi
}
