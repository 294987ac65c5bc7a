package kernel

// This file is rotary position embedding (Su et al. 2021, arXiv:2104.09864).

import (
	"math"

	"github.com/fb777929/kibisis/nn/internal/workers"
)

// Rotary turns pairs of numbers of each head by an angle that grows with the position. Rows are
// Heads * Width wide; of each head the first 2 * len(Frequencies) numbers are pairs.
type Rotary[T Float] struct {
	Heads, Width int
	Frequencies  []float64 // of each pair, in radians a position
	Interleaved  bool      // pairs are neighbours, as in GPT-J; else halves, as in LLaMA

	positions []int
	cos, sin  []T // (positions, frequencies)
}

// Prepare computes the angles of positions, in float64, unless they are those of before.
func (k *Rotary[T]) Prepare(positions []int) {
	n := len(k.Frequencies)
	if k.positions == nil {
		k.cos, k.sin = make([]T, len(positions)*n), make([]T, len(positions)*n)
	}
	for i, p := range positions {
		if k.positions != nil && k.positions[i] == p {
			continue
		}
		for j, f := range k.Frequencies {
			sin, cos := math.Sincos(float64(p) * f)
			k.sin[i*n+j], k.cos[i*n+j] = T(sin), T(cos)
		}
	}
	k.positions = append(k.positions[:0], positions...)
}

// Rotate writes the rows of x, turned by sign, 1 or -1, times their angles, to y. Row i has
// position i mod the number of positions.
func (k *Rotary[T]) Rotate(y, x []T, sign T) {
	width, n := k.Heads*k.Width, len(k.Frequencies)
	workers.Blocks(len(x)/width, max(1, light/width), func(begin, end int) {
		for i := begin; i < end; i++ {
			at := i % len(k.positions)
			cos, sin := row(k.cos, at, n), row(k.sin, at, n)
			for h := range k.Heads {
				y, x := row(y, i*k.Heads+h, k.Width), row(x, i*k.Heads+h, k.Width)
				if k.Interleaved {
					rotateNeighbours(y, x, cos, sin, sign)
				} else {
					rotateHalves(y, x, cos, sin, sign)
				}
				copy(y[2*n:], x[2*n:])
			}
		}
	})
}

func rotateHalves[T Float](y, x, cos, sin []T, sign T) {
	n := len(cos)
	sin, a, b, ya, yb := sin[:n], x[:n], x[n:2*n], y[:n], y[n:2*n]
	for j, c := range cos {
		s := sign * sin[j]
		ya[j], yb[j] = a[j]*c-b[j]*s, b[j]*c+a[j]*s
	}
}

func rotateNeighbours[T Float](y, x, cos, sin []T, sign T) {
	for j, c := range cos {
		s, a, b := sign*sin[j], x[2*j], x[2*j+1]
		y[2*j], y[2*j+1] = a*c-b*s, b*c+a*s
	}
}
