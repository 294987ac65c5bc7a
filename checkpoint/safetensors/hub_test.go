package safetensors

// This file reads a set that huggingface_hub wrote.

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSetOfTheHub(t *testing.T) {
	dir := filepath.Join(goldenDir, "sets", "hub")
	text, err := os.ReadFile(filepath.Join(dir, "python.json"))
	require.NoError(t, err)
	var want map[string]struct {
		Shard, DType, Bytes string
		Shape               []int
	}
	require.NoError(t, json.Unmarshal(text, &want))
	dtypes := map[string]DType{
		"int64": I64, "uint8": U8, "bool": Bool, "float16": F16, "bfloat16": BF16, "float32": F32, "float64": F64,
	}
	for _, o := range []*OpenOptions{nil, {Lenient: true}, {NoMmap: true}, {InMemory: true, Verify: true}} {
		f, err := Open(dir, o)
		require.NoError(t, err)
		require.Len(t, f.Shards(), 5)
		require.Equal(t, len(want), f.Len())
		require.Empty(t, f.Forgiven())
		require.Equal(t, map[string]string{"format": "pt", "made by": "a test", "head.weight": "embed.weight"}, f.Metadata())
		require.Equal(t, map[string]string{"head.weight": "embed.weight"}, f.Aliases())
		for name, w := range want {
			data, err := hex.DecodeString(w.Bytes)
			require.NoError(t, err)
			x := tensorOf(t, f, name)
			require.Equal(t, filepath.Join(dir, w.Shard), x.Path())
			requireTensor(t, x, Source{Name: name, DType: dtypes[w.DType], Shape: w.Shape, Data: data})
		}
		require.NoError(t, f.Close())
	}
}
