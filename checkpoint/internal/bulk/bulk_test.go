package bulk

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCopy: sizes around one and two pieces arrive whole, and nothing else changes.
func TestCopy(t *testing.T) {
	for _, n := range []int{0, 1, piece - 1, piece, piece + 1, 2*piece - 1, 2 * piece, 2*piece + 7} {
		src := make([]byte, n)
		for i := range src {
			src[i] = byte(i*7 + i>>8)
		}
		dst := bytes.Repeat([]byte{0xee}, n+1)
		Copy(dst, src)
		require.True(t, bytes.Equal(src, dst[:n]), "%d bytes", n)
		require.Equal(t, byte(0xee), dst[n], "%d bytes", n)
	}
	require.Panics(t, func() { Copy(make([]byte, 3), make([]byte, 4)) })
}
