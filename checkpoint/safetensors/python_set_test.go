package safetensors

// This file puts our sets to huggingface_hub, and what it saves of the same tensors to ours.

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// someTensors are n of random sizes, with names as in a model, in an order of their own.
func someTensors(rng *rand.Rand, n int) []Source {
	dtypes := []DType{Bool, U8, I64, F16, BF16, F32, F64}
	src := make([]Source, n)
	for i := range src {
		d := dtypes[rng.IntN(len(dtypes))]
		shape := [][]int{nil, {rng.IntN(5)}, {3, 1 + rng.IntN(40)}, {1, 200}}[rng.IntN(4)]
		src[i] = sourceOf(fmt.Sprintf("layers.%d.é \"%d", rng.IntN(3), i), d, shape)
	}
	return src
}

// huggingface_hub loads every set of ours, and saves it again to the same files, but for
// metadata.
func TestPythonLoadsOurSets(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, most := range []int64{1, 300, 1 << 20} {
		src := someTensors(rng, 20)
		dir, again := setOf(t, src, &ShardOptions{MaxSize: most, WriteOptions: WriteOptions{Checksums: most == 300}}), t.TempDir()
		var names []string
		for i := range src {
			names = append(names, src[i].Name)
		}
		stdin, err := json.Marshal(names)
		require.NoError(t, err)
		var seen map[string]struct {
			DType, SHA256 string
			Shape         []int
		}
		require.NoError(t, json.Unmarshal(python(t, stdin, "load_set.py", dir, again, fmt.Sprint(most)), &seen))
		require.Len(t, seen, len(src))
		for _, s := range src {
			require.Equal(t, s.DType.String(), seen[s.Name].DType)
			require.Equal(t, s.Shape, seen[s.Name].Shape)
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256(s.Data)), seen[s.Name].SHA256)
		}
		requireSameSet(t, filesOf(t, again), filesOf(t, dir), filepath.Base(dir))
	}
}

// requireSameSet requires the files of the hub, but for the digest and checksums.
func requireSameSet(t *testing.T, want, got map[string]string, story string) {
	t.Helper()
	require.Len(t, got, len(want), story)
	for name := range want {
		require.Contains(t, got, name)
		if name != indexName {
			requireHubFile(t, want[name], got[name])
			continue
		}
		digest := parsedIndex(t, got[name]).Metadata[metakey.Set].(string)
		require.Equal(t, want[name], withoutDigest(got[name], digest))
	}
}
