package crc

import (
	"testing"

	"github.com/minio/crc64nvme"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestJoinedSumsAreTheSumOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.Byte(), 0, 5000).Draw(t, "bytes")
		k := rapid.IntRange(0, len(b)).Draw(t, "cut")
		got := Join(crc64nvme.Checksum(b[:k]), crc64nvme.Checksum(b[k:]), int64(len(b)-k))
		require.Equal(t, crc64nvme.Checksum(b), got)
	})
}

// Sizes that no test has memory for: 2^62 zero bytes are as good as 2^61 twice.
func TestJoinedSumsOfLongParts(t *testing.T) {
	const a = uint64(0x0123456789abcdef)
	for k := range 62 {
		half := int64(1) << k
		require.Equal(t, Join(a, 0, 2*half), Join(Join(a, 0, half), 0, half), "%d", k)
	}
	require.Equal(t, a, Join(a, 0, 0))
}
