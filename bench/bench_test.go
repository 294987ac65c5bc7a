package main

// This file is the benchmarks of `go test -bench`, for comparing two versions of
// the code with benchstat. Files are in the page cache, and saves do not wait for
// the disk: what a disk does between two runs is no property of the code.

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

var benchSizes = []int64{1 << 20, 64 << 20}

// eachCase runs f at both sizes, without checksums and with.
func eachCase(b *testing.B, f func(b *testing.B, m *model, o *checkpoint.SaveOptions)) {
	for _, size := range benchSizes {
		m := newModel(size)
		m.fill()
		for _, checksums := range []bool{false, true} {
			b.Run(fmt.Sprintf("checksums=%t/bytes=%d", checksums, size), func(b *testing.B) {
				b.SetBytes(m.size())
				b.ReportAllocs()
				f(b, m, &checkpoint.SaveOptions{NoSync: true, Checksums: checksums})
			})
		}
	}
}

// BenchmarkSave replaces the file of the save before it.
func BenchmarkSave(b *testing.B) {
	eachCase(b, func(b *testing.B, m *model, o *checkpoint.SaveOptions) {
		path := filepath.Join(b.TempDir(), "model.safetensors")
		for b.Loop() {
			require.NoError(b, checkpoint.SaveModel(b.Context(), path, m.state(), o))
		}
	})
}

// BenchmarkLoad loads into a live model.
func BenchmarkLoad(b *testing.B) {
	eachCase(b, func(b *testing.B, m *model, o *checkpoint.SaveOptions) {
		path := filepath.Join(b.TempDir(), "model.safetensors")
		require.NoError(b, checkpoint.SaveModel(b.Context(), path, m.state(), o))
		target := newModel(m.size())
		for b.Loop() {
			_, err := checkpoint.LoadModel(b.Context(), path, target.state(), nil)
			require.NoError(b, err)
		}
		require.NoError(b, target.equals(m))
	})
}

// BenchmarkOpen reads and checks headers, nothing else.
func BenchmarkOpen(b *testing.B) {
	for _, n := range openCounts {
		for order, write := range map[string]func(string, int) error{"sorted": writeTensors, "shuffled": writeShuffled} {
			path := filepath.Join(b.TempDir(), "many.safetensors")
			require.NoError(b, write(path, n))
			b.Run(fmt.Sprintf("tensors=%d/order=%s", n, order), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					f, err := safetensors.Open(path, nil)
					require.NoError(b, err)
					require.NoError(b, f.Close())
				}
			})
		}
	}
}
