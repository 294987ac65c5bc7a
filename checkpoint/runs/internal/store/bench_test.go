package store

// These benchmarks list runs: many checkpoints, and one of many tensors.

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// manyTensors are n tensors of a file of that size, named as those of large models are.
func manyTensors(n int) (size int64, tensors map[string]*Tensor) {
	const each = 16
	tensors = map[string]*Tensor{}
	for i := range int64(n) {
		name := fmt.Sprintf("model.layers.%d.self_attn.q_proj.weight_%d", i/12, i%12)
		tensors[name] = &Tensor{Range: [2]int64{i * each, (i + 1) * each}, CRC: sumOf([]byte(name))}
	}
	return int64(n) * each, tensors
}

func benchmarkList(b *testing.B, checkpoints, count int) {
	path := filepath.Join(b.TempDir(), "run")
	s, err := Open(path, &Options{FS: watched.FS(fsys.OS, noSync)})
	require.NoError(b, err)
	_, err = s.GoOn(b.Context(), nil)
	require.NoError(b, err)
	size, tensors := manyTensors(count)
	model := make([]byte, size)
	finish := func(context.Context) (Sum, map[string]*Tensor, error) { return 0, tensors, nil }
	for step := range int64(checkpoints) {
		p, err := s.Begin(step, map[string]int64{"model.safetensors": size}, int64(count)*200)
		require.NoError(b, err)
		require.NoError(b, p.Write(b.Context(), "model.safetensors", Data{Bytes: model, Finish: finish}))
		_, err = p.Commit(b.Context(), &Manifest{Kind: "periodic"})
		require.NoError(b, err)
	}
	require.NoError(b, s.Close())
	r, err := OpenReadOnly(path, nil)
	require.NoError(b, err)
	b.ReportAllocs()
	for b.Loop() {
		entries, err := r.List()
		if err != nil || len(entries) != checkpoints || entries[0].Manifest == nil {
			b.Fatal(err, len(entries))
		}
	}
	require.NoError(b, r.Close())
}

// BenchmarkList1000 lists 1,000 checkpoints of 20 tensors; the goal is 50 ms.
func BenchmarkList1000(b *testing.B) { benchmarkList(b, 1000, 20) }

// BenchmarkListOne10k lists one of 10,000 tensors; the goal is 20 ms.
func BenchmarkListOne10k(b *testing.B) { benchmarkList(b, 1, 10_000) }
