package safetensors

// This file measures what a save takes from training (Fill) and what goes on beside it (Seal).

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func BenchmarkImage(b *testing.B) {
	const tensors, size = 16, 16 << 20
	src := counters(tensors, size)
	m, memory := placed(b, src, &WriteOptions{Checksums: true})
	b.Run("Fill", func(b *testing.B) {
		b.SetBytes(int64(len(memory)))
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, m.Fill(b.Context(), src))
		}
	})
	b.Run("Seal", func(b *testing.B) {
		b.SetBytes(int64(len(memory)))
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, m.Seal(b.Context()))
		}
	})
}
