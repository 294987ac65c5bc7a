package safetensors

// This file compares sets of ours with those that huggingface_hub wrote.

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// requireHubFile requires that got is the file want of the hub, but for metadata.
func requireHubFile(t *testing.T, want, got string) {
	t.Helper()
	f := opened(t, []byte(got), nil)
	require.Equal(t, "pt", f.Metadata()[metakey.Format])
	var src []Source
	for _, x := range f.All() {
		src = append(src, Source{Name: x.Name(), DType: x.DType(), Shape: x.Shape(), Data: bytesOf(t, x)})
	}
	require.Equal(t, want, string(encoded(t, map[string]string{metakey.Format: "pt"}, src...)))
	require.Equal(t, got, string(encoded(t, f.Metadata(), src...)))
}

// The set that huggingface_hub wrote, written again: the same files, the same tensors in
// them, the same index, but for our digest and the order of metadata.
func TestWriteShardsIsTheHubs(t *testing.T) {
	hub := filepath.Join(goldenDir, "sets", "hub")
	f, err := Open(hub, nil)
	require.NoError(t, err)
	defer f.Close()
	var src []Source // in the order of testdata/gen/shards.py
	for _, name := range []string{"embed.weight", "block.weight", "block.bias", "block.mask", "big", "nothing", "norm.weight", "scale", "table"} {
		x := tensorOf(t, f, name)
		src = append(src, Source{Name: name, DType: x.DType(), Shape: x.Shape(), Data: bytesOf(t, x)})
	}
	metadata := map[string]string{"made by": "a test", "head.weight": "embed.weight"}
	want := filesOf(t, hub)
	got := filesOf(t, setOf(t, src, &ShardOptions{WriteOptions: WriteOptions{Metadata: metadata}, MaxSize: 100}))
	delete(want, "python.json")
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for name := range want {
		if name != indexName {
			requireHubFile(t, want[name], got[name])
		}
	}
	digest := parsedIndex(t, got[indexName]).Metadata[metakey.Set].(string)
	index := withoutDigest(got[indexName], digest)
	alias := "\n    \"head.weight\": \"embed.weight\""
	index = strings.Replace(index, alias+",", "", 1)
	index = strings.Replace(index, `"a test"`, `"a test",`+alias, 1)
	require.Equal(t, want[indexName], index)
}

// withoutDigest takes the digest out of the text of an index.
func withoutDigest(index, digest string) string {
	member := fmt.Sprintf(",\n    %q: %q", metakey.Set, digest)
	return strings.Replace(index, member, "", 1)
}

type pythonIndex struct {
	Metadata  map[string]any
	WeightMap map[string]string `json:"weight_map"`
}

func parsedIndex(t tb, text string) (x pythonIndex) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), &x))
	return x
}
