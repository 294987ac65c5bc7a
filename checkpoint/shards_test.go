package checkpoint

// These tests save models as sets, and load them.

import (
	"bytes"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const indexFile = "model.safetensors.index.json"

// skipWithoutExchange leaves out a test that replaces sets.
func skipWithoutExchange(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system cannot replace a folder in one step")
	}
}

// savedShards saves m to a new folder and returns its path.
func savedShards(t testing.TB, m Model, o *ShardOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, SaveShards(t.Context(), dir, m, o))
	return dir
}

// A tied model in shards: stored once, the aliases in the index, and it loads by the folder
// and by the index, into a model with the tie and into one without.
func TestSaveShardsOfATiedModel(t *testing.T) {
	l := tiedLayers()
	dir := savedShards(t, l.model(), &ShardOptions{MaxSize: 48, SaveOptions: SaveOptions{Checksums: true, Metadata: map[string]string{"author": "Graiae"}}})
	onlyFileIn(t, dir, "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexFile)
	for _, path := range []string{dir, filepath.Join(dir, indexFile)} {
		f := openPath(t, path)
		require.Equal(t, bAliases, f.Aliases())
		require.Equal(t, "Graiae", f.Metadata()["author"])
		checked, err := f.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, 2, checked)
		for _, into := range []twoLayers{tiedLayers(), untiedLayers()} {
			clear(into.aWeight.Data().([]float32))
			clear(into.bWeight.Data().([]float32))
			_, err := LoadModel(t.Context(), path, into.model(), nil)
			require.NoError(t, err)
			require.Equal(t, count(0, 12), into.aWeight.Data())
			require.Equal(t, count(0, 12), into.bWeight.Data())
		}
	}
	shard := openPath(t, filepath.Join(dir, "model-00001-of-00002.safetensors"))
	require.Equal(t, "pt", shard.Metadata()["format"])
	require.Empty(t, shard.Aliases())
}

// The files do not depend on the order in which a model yields its parameters: FromValues
// walks a map.
func TestSaveShardsGivesTheSameFiles(t *testing.T) {
	m := map[string]gorgonia.Value{}
	for _, l := range layouts(t) {
		m[l.name] = l.value
	}
	want := savedShards(t, FromValues(m), &ShardOptions{MaxSize: 60})
	names, err := filepath.Glob(filepath.Join(want, "*"))
	require.NoError(t, err)
	require.Greater(t, len(names), 3)
	for range 5 {
		got := savedShards(t, FromValues(m), &ShardOptions{MaxSize: 60})
		for _, name := range names {
			a, err := os.ReadFile(name)
			require.NoError(t, err)
			b, err := os.ReadFile(filepath.Join(got, filepath.Base(name)))
			require.NoError(t, err)
			require.Equal(t, a, b)
		}
	}
	f := openPath(t, want)
	for name, v := range m {
		x, err := f.Tensor(name)
		require.NoError(t, err)
		b, err := x.Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(elements(t, v), b), name)
	}
}

// What SaveModel knows, SaveShards knows: parts of a model, other names and dtypes.
func TestSaveShardsTakesSaveOptions(t *testing.T) {
	dir := savedShards(t, FromValues(threeParams()), &ShardOptions{MaxSize: 6, Name: "part", SaveOptions: SaveOptions{
		Only:   inA,
		Stored: func(param string) Stored { return Stored{Name: "x." + param} },
		DType:  func(string) safetensors.DType { return safetensors.F16 },
	}})
	onlyFileIn(t, dir, "part-00001-of-00002.safetensors", "part-00002-of-00002.safetensors", "part.safetensors.index.json")
	f := openPath(t, dir)
	require.Equal(t, []string{"x.a.b", "x.a.w"}, slices.Sorted(slices.Values(f.Names())))
	x, err := f.Tensor("x.a.w")
	require.NoError(t, err)
	require.Equal(t, safetensors.F16, x.DType())
}

// One that cannot be saved leaves no folder, and an older save as it was.
func TestSaveShardsRefuses(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "m")
	require.ErrorIs(t, SaveShards(t.Context(), dir, nil, nil), ErrModel)
	require.ErrorContains(t, SaveShards(t.Context(), dir, one(counting(2)), &ShardOptions{Name: "a/b"}), `"a/b"`)
	require.NoDirExists(t, dir)
	require.NoError(t, SaveShards(t.Context(), dir, one(counting(2)), nil))
	large := tensor.New(tensor.WithBacking([]float32{1e30, 1}))
	toF16 := SaveOptions{DType: func(string) safetensors.DType { return safetensors.F16 }}
	require.ErrorIs(t, SaveShards(t.Context(), dir, one(large), &ShardOptions{SaveOptions: toF16}), ErrCast)
	onlyFileIn(t, dir, "model.safetensors")
	_, err := LoadModel(t.Context(), dir, one(counting(2)), nil)
	require.NoError(t, err)
}
