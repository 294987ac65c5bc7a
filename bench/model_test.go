package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTransformer: at every size the model has the size asked for, and the mixture
// of large and small tensors that makes it one.
func TestTransformer(t *testing.T) {
	for size := int64(minSize); size <= 64<<30; size *= 3 {
		params := transformer(size, 32, layers)
		require.Len(t, params, 148)
		require.InEpsilon(t, size, 4*elements(params), 0.01, "%d", size)
		require.LessOrEqual(t, 4*int64(elements(params)), size)
		names := map[string]bool{}
		for _, p := range params {
			names[p.name] = true
			require.Positive(t, p.elements(), p.name)
		}
		require.Len(t, names, len(params))
	}
}

func TestTransformerOfOneGiB(t *testing.T) {
	small := 0
	for _, p := range transformer(1<<30, 32, layers) {
		if p.elements()*4 <= 16<<10 {
			small++
		}
		if p.name == "h.11.mlp.c_proj.weight" {
			require.Equal(t, []int{4096, 1024}, p.shape)
		}
	}
	require.Equal(t, 98, small)
}

func TestModelTensorsShareNothing(t *testing.T) {
	m := newModel(minSize)
	total := 0
	for _, d := range m.tensors {
		backing := d.Data().([]float32)
		for i := range backing {
			backing[i]++
		}
		total += len(backing)
	}
	require.Len(t, m.slab, total)
	for _, x := range m.slab {
		require.Equal(t, float32(1), x)
	}
}

func TestFill(t *testing.T) {
	a, b := newModel(minSize), newModel(minSize)
	a.fill()
	require.Error(t, b.equals(a))
	b.fill()
	require.NoError(t, b.equals(a), "the same in every run")
	sum := 0.0
	for _, x := range a.slab {
		require.True(t, -0.1 <= x && x < 0.1, "%g", x)
		sum += float64(x)
	}
	require.InDelta(t, 0, sum/float64(len(a.slab)), 0.001)
}
