package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGatherGrad: rows are added in their order, so that the bits are those of one loop, whatever
// the blocks of columns are. The row to be skipped is zeros, and so are those of no index.
func TestGatherGrad(t *testing.T) {
	const vocabulary, width, skip = 11, 70, 4
	rng := rand.New(rand.NewPCG(1, 2))
	index, dy := make([]int, 3000), make([]float32, 3000*width)
	for i := range index {
		index[i] = rng.IntN(vocabulary - 1)
	}
	for i := range dy {
		dy[i] = float32(rng.NormFloat64())
	}
	want, got := make([]float32, vocabulary*width), slices.Repeat([]float32{7}, vocabulary*width)
	for i, at := range index {
		for j, g := range row(dy, i, width) {
			if at != skip {
				want[at*width+j] += g
			}
		}
	}
	GatherGrad(got, dy, index, width, skip)
	require.Equal(t, want, got)
	require.Equal(t, make([]float32, width), row(got, skip, width))

	y := make([]float32, len(dy))
	Gather(y, want, index, width)
	for i, at := range index {
		require.Equal(t, row(want, at, width), row(y, i, width))
	}
}
