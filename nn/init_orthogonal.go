package nn

// This file is one initialiser.

import (
	"math"
	"math/rand/v2"

	"gorgonia.org/tensor"
)

// Orthogonal is Saxe et al. 2013 (arXiv 1312.6120): the tensor as a matrix of shape[0] rows has
// orthonormal rows, or columns if it has more rows than columns, times gain.
func Orthogonal(gain float64) Init {
	return func(rng *rand.Rand, shape tensor.Shape, values []float64) {
		rows, cols := 1, len(values)
		if len(shape) > 0 {
			rows, cols = shape[0], len(values)/shape[0]
		}
		Normal(0, 1)(rng, shape, values)
		if rows <= cols {
			orthonormal(rows, cols, values, func(i, j int) int { return i*cols + j })
		} else {
			orthonormal(cols, rows, values, func(i, j int) int { return j*cols + i })
		}
		for i := range values {
			values[i] *= gain
		}
	}
}

// orthonormal makes n vectors of the given width orthonormal, which at finds in values. It is
// Gram-Schmidt, done twice, which is as exact as Householder's QR (Giraud et al. 2005). The
// diagonal of R is positive, so the distribution is uniform (Mezzadri 2007, arXiv math-ph/0609050).
func orthonormal(n, width int, values []float64, at func(i, j int) int) {
	dot := func(a, b int) (sum float64) {
		for j := range width {
			sum += values[at(a, j)] * values[at(b, j)]
		}
		return sum
	}
	for i := range n {
		for range 2 {
			for before := range i {
				c := dot(before, i)
				for j := range width {
					values[at(i, j)] -= c * values[at(before, j)]
				}
			}
		}
		norm := math.Sqrt(dot(i, i))
		for j := range width {
			values[at(i, j)] /= norm
		}
	}
}
