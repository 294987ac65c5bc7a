package safetensors

// This file is about which tensors go together, and what the files are called.

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// What huggingface_hub 2.4.0 makes of the same sizes.
func TestSplitIsTheHubs(t *testing.T) {
	for _, c := range []struct {
		most  int64
		sizes []int64
		want  [][]int
	}{
		{8, []int64{6, 4, 3, 3, 9, 1}, [][]int{{0}, {1, 2}, {4}, {3, 5}}},
		{10, []int64{6, 6, 2, 6, 2, 2}, [][]int{{0}, {1, 2}, {3, 4, 5}}},
		{8, []int64{9, 10}, [][]int{{0}, {1}}},
		{8, []int64{8, 0, 0, 8}, [][]int{{0, 1, 2}, {3}}},
		{8, []int64{4, 4, 1}, [][]int{{0, 1}, {2}}},
		{8, []int64{0}, [][]int{{0}}},
		{8, nil, [][]int{nil}},
		{maxTotal, []int64{maxTotal, 1, maxTotal}, [][]int{{0}, {1}, {2}}},
	} {
		require.Equal(t, c.want, split(c.sizes, c.most), "%v", c.sizes)
	}
}

// Each tensor is in one group, in order within it; only one that is alone is too large; and
// no group would have had room for what follows it.
func TestSplitLaw(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sizes := rapid.SliceOf(rapid.Int64Range(0, 30)).Draw(t, "sizes")
		most := rapid.Int64Range(1, 40).Draw(t, "most")
		seen := map[int]bool{}
		small := -1
		for _, group := range split(sizes, most) {
			var sum int64
			for _, i := range group {
				require.False(t, seen[i])
				seen[i] = true
				sum += sizes[i]
			}
			if sum > most {
				require.Len(t, group, 1)
				continue
			}
			for _, i := range group {
				require.Greater(t, i, small)
				small = i
			}
		}
		require.Len(t, seen, len(sizes))
	})
}

func TestNamesOfASet(t *testing.T) {
	require.Equal(t, "model.safetensors", shardName("model", 0, 1))
	require.Equal(t, "model-00002-of-00003.safetensors", shardName("model", 1, 3))
	require.Equal(t, "model.fp16-00001-of-99999.safetensors", shardName("model.fp16", 0, maxShards))
	require.Equal(t, "model.fp16.safetensors.index.json", shardIndexName("model.fp16"))
}

func TestFilesOfASet(t *testing.T) {
	mine := isOfSet("model")
	for _, name := range []string{
		"model.safetensors", "model-00001-of-00002.safetensors", "model-12345-of-99999.safetensors", "model.safetensors.index.json",
	} {
		require.True(t, mine(name), name)
	}
	for _, name := range []string{
		"model.safetensors.bak", "a model.safetensors", "model-1-of-2.safetensors", "model-00001-of-00002.bin", "modelxsafetensors",
		"model.fp16.safetensors", "model.fp16-00001-of-00002.safetensors", "model.safetensors.index.json\n", "model-000001-of-00002.safetensors",
		"model.safetensors.index.fp16.json", "config.json", "", "Model.safetensors",
	} {
		require.False(t, mine(name), name)
	}
	require.True(t, isOfSet("m+")("m+.safetensors"))
	require.False(t, isOfSet("m+")("mm.safetensors"))
}

func TestNamesThatASetCannotHave(t *testing.T) {
	for _, name := range []string{"a/b", `a\b`, "../m", "c:m", "m\n", "\xff", strings.Repeat("m", 220)} {
		err := WriteShards(t.Context(), t.TempDir()+"/m", nil, &ShardOptions{Name: name})
		require.ErrorContains(t, err, "a set cannot be called", name)
	}
	for _, name := range []string{"m", "model.fp16", strings.Repeat("m", 214), "é model"} {
		dir := t.TempDir() + "/m"
		require.NoError(t, WriteShards(t.Context(), dir, counters(2, 4), &ShardOptions{Name: name, MaxSize: 4}), name)
		f, err := Open(dir, nil)
		require.NoError(t, err, name)
		require.Len(t, f.Shards(), 2)
		require.NoError(t, f.Close())
	}
}
