package blas

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A change here changes the bits of all that is trained.
func TestSplit(t *testing.T) {
	for _, c := range []struct{ m, n, k, rows, cols int }{
		{0, 0, 0, 1, 1},
		{64, 64, 64, 64, 64},
		{127, 129, 127, 127, 129}, // below twice the least
		{128, 128, 128, 64, 128},
		{384, 384, 384, 96, 96},
		{2048, 384, 384, 256, 192},
		{1024, 1024, 1024, 256, 256},
		{2048, 1024, 1024, 256, 256}, // large blocks may be more
		{4096, 4096, 4096, 512, 512}, // but not more than 64
		{16, 1536, 384, 16, 192},     // rows stay whole
		{1, 1536, 576, 1, 384},       // vectors are cut sooner
		{1536, 1, 576, 384, 1},
		{3, 5, 1 << 24, 3, 5},      // nothing can be cut
		{1000, 17, 100000, 64, 17}, // 16 is the smallest side
		{100, 100, 100000, 32, 32}, // halves are rounded up to 16
	} {
		rows, cols := split(c.m, c.n, c.k, 1<<20)
		require.Equal(t, []int{c.rows, c.cols}, []int{rows, cols}, "%d x %d x %d", c.m, c.n, c.k)
	}
}
