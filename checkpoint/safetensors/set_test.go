package safetensors

// This file is about sets: that index and shards are one namespace. What can be wrong
// with them is in set_cases_test.go.

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

const (
	indexName = "model.safetensors.index.json"
	shard1    = "model-1.safetensors"
	shard2    = "model-2.safetensors"
	shard3    = "other.safetensors"
)

// baseIndex is the index of baseSet.
const baseIndex = `{"metadata":{"total_size":35,"a.tied":"a.weight","format":"index"},"weight_map":{` +
	`"d":"other.safetensors","a.weight":"model-1.safetensors","a.bias":"model-1.safetensors",` +
	`"b":"model-2.safetensors","c":"other.safetensors"}}`

var baseTensors = map[string][]Source{
	shard1: {{Name: "a.weight", DType: F32, Shape: []int{2}, Data: counted(8)}, {Name: "a.bias", DType: U8, Shape: []int{3}, Data: counted(3)}},
	shard2: {{Name: "b", DType: I64, Shape: []int{2}, Data: counted(16)}},
	shard3: {{Name: "c", DType: F16, Shape: []int{4}, Data: counted(8)}, {Name: "d", DType: U8, Shape: []int{0}}},
}

// baseSet is a set that is right, for tests to break.
func baseSet(t tb) fstest.MapFS {
	set := fstest.MapFS{indexName: {Data: []byte(baseIndex)}}
	for name, src := range baseTensors {
		set[name] = &fstest.MapFile{Data: encoded(t, map[string]string{"format": "pt", "by": name}, src...)}
	}
	return set
}

// onDisk writes a set into a folder.
func onDisk(t testing.TB, set fstest.MapFS) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.CopyFS(dir, set))
	return dir
}

// opensAs opens a set in every way there is, and requires that all agree.
func opensAs(t *testing.T, set fstest.MapFS, o OpenOptions) (*File, error) {
	t.Helper()
	f, err := OpenFS(set, indexName, &o)
	dir := onDisk(t, set)
	for _, path := range []string{dir, filepath.Join(dir, indexName)} {
		for _, o := range []OpenOptions{o, {Lenient: o.Lenient, InMemory: true}, {Lenient: o.Lenient, NoMmap: true}} {
			again, againErr := Open(path, &o)
			if err != nil {
				requireSameFault(t, err, againErr, dir)
				continue
			}
			require.NoError(t, againErr)
			require.Equal(t, f.Names(), again.Names())
			require.Equal(t, f.Metadata(), again.Metadata())
			for name, x := range again.All() {
				require.Equal(t, bytesOf(t, tensorOf(t, f, name)), bytesOf(t, x))
			}
			require.NoError(t, again.Close())
		}
	}
	if err == nil {
		t.Cleanup(func() { require.NoError(t, f.Close()) })
	}
	return f, err
}

// requireSameFault compares refusals of a set in an fs.FS and in folder dir.
func requireSameFault(t *testing.T, err, again error, dir string) {
	t.Helper()
	var a, b *FormatError
	require.ErrorAs(t, err, &a)
	require.ErrorAs(t, again, &b)
	require.Equal(t, a.Kind, b.Kind)
	require.Equal(t, a.Tensor, b.Tensor)
	require.Equal(t, a.Field, b.Field)
	require.Equal(t, filepath.Join(dir, a.Path), b.Path)
}

func TestSetIsOneNamespace(t *testing.T) {
	f, err := opensAs(t, baseSet(t), OpenOptions{})
	require.NoError(t, err)
	require.Equal(t, []string{shard1, shard2, shard3}, f.Shards())
	require.Equal(t, 5, f.Len())
	require.Equal(t, []string{"a.weight", "a.bias", "b", "d", "c"}, sortedWithin(f), "shards by name, and file order within")
	for path, src := range baseTensors {
		for _, s := range src {
			x := tensorOf(t, f, s.Name)
			requireTensor(t, x, s)
			require.Equal(t, path, x.Path())
		}
	}
	require.Equal(t, map[string]string{"a.tied": "a.weight", "format": "index", "by": shard1}, f.Metadata(), "the index goes before the first shard")
	require.Equal(t, map[string]string{"a.tied": "a.weight"}, f.Aliases())
	require.Empty(t, f.Forgiven())
	require.NoError(t, f.Check())
	_, err = f.Tensor("e")
	require.ErrorIs(t, err, ErrNotFound)
	require.ErrorContains(t, err, indexName)
}

// sortedWithin is the names of f, with those of the third shard in a fixed order:
// one of them is empty.
func sortedWithin(f *File) []string {
	names := f.Names()
	slices.Sort(names[3:])
	slices.Reverse(names[3:])
	return names
}

func TestAFileIsNoSet(t *testing.T) {
	path := written(t, encoded(t, nil, baseTensors[shard1]...))
	f, err := Open(path, nil)
	require.NoError(t, err)
	require.Nil(t, f.Shards())
	require.Equal(t, path, tensorOf(t, f, "a.bias").Path())
	require.NoError(t, f.Close())
	require.Empty(t, tensorOf(t, opened(t, encoded(t, nil, baseTensors[shard1]...), nil), "a.bias").Path())
}

func TestClosedSet(t *testing.T) {
	for _, o := range []OpenOptions{{}, {NoMmap: true}, {InMemory: true}} {
		f, err := Open(onDisk(t, baseSet(t)), &o)
		require.NoError(t, err)
		x := tensorOf(t, f, "b")
		require.NoError(t, f.Close())
		require.NoError(t, f.Close())
		require.ErrorIs(t, x.ReadInto(make([]byte, 16)), ErrClosed)
		require.ErrorIs(t, f.Check(), ErrClosed)
		_, err = f.Verify(t.Context())
		require.NoError(t, err, "there is no checksum to read for")
	}
}

func TestCheckSeesEveryShard(t *testing.T) {
	for _, name := range []string{shard1, shard2, shard3} {
		dir := onDisk(t, baseSet(t))
		f, err := Open(dir, nil)
		require.NoError(t, err)
		require.NoError(t, f.Check())
		require.NoError(t, os.Truncate(filepath.Join(dir, name), 100))
		require.ErrorContains(t, f.Check(), name)
		require.NoError(t, f.Close())
	}
}

// A program that starts anew where nothing is must not do so where a part is missing.
func TestMissingShardIsDamage(t *testing.T) {
	set := baseSet(t)
	delete(set, shard1)
	delete(set, shard3)
	_, err := Open(onDisk(t, set), nil)
	require.ErrorIs(t, err, ErrShardIndex)
	require.NotErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, shard1)
	require.ErrorContains(t, err, shard3)
	require.Less(t, strings.Index(err.Error(), shard1), strings.Index(err.Error(), shard3))
}

// What a lenient reader takes has the tensors of weight_map, no others, each from
// the shard that weight_map says.
func TestLenientGoesByTheMap(t *testing.T) {
	set := baseSet(t)
	edits(
		shardOf(shard2, nil, append(slices.Clone(baseTensors[shard2]), oneByte("c"), oneByte("unlisted"))...),
		inIndex(`"b":`, `"b":"other.safetensors","b":`),
	)(set)
	f, err := OpenFS(set, indexName, &OpenOptions{Lenient: true})
	require.NoError(t, err)
	names := f.Names()
	slices.Sort(names)
	require.Equal(t, []string{"a.bias", "a.weight", "b", "c", "d"}, names)
	require.Equal(t, shard3, tensorOf(t, f, "c").Path())
	_, err = f.Tensor("unlisted")
	require.ErrorIs(t, err, ErrNotFound)
	require.Len(t, f.Forgiven(), 3)
	_, err = OpenFS(set, indexName, nil)
	require.ErrorContains(t, err, `"b" more than once`)
	set[indexName] = baseSet(t)[indexName]
	_, err = OpenFS(set, indexName, nil)
	require.ErrorContains(t, err, `"unlisted"`)
	require.ErrorContains(t, err, `"c"`, "all that is wrong with tensors is said at once")
}

func TestEmptySet(t *testing.T) {
	f, err := OpenFS(fstest.MapFS{indexName: {Data: []byte(`{"weight_map":{}}`)}}, indexName, &OpenOptions{InMemory: true, Verify: true})
	require.NoError(t, err)
	require.Zero(t, f.Len())
	require.Empty(t, f.Names())
	require.NotNil(t, f.Shards())
	require.Nil(t, f.Metadata())
	require.NoError(t, f.Close())
}

// wideSet is a set of n shards of a few tensors each, and their names.
func wideSet(t tb, n int, o *WriteOptions) (set fstest.MapFS, shardOf map[string]string) {
	set, shardOf = fstest.MapFS{}, map[string]string{}
	for i := range n {
		name := fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
		var src []Source
		for k := range i%3 + 1 {
			x := fmt.Sprintf("layer.%d.%d", i, k)
			shardOf[x] = name
			src = append(src, Source{Name: x, DType: U8, Shape: []int{i + 1}, Data: slices.Repeat([]byte{byte(i + k)}, i+1)})
		}
		var w writeBuffer
		require.NoError(t, Encode(&w, src, o))
		set[name] = &fstest.MapFile{Data: w}
	}
	text, err := json.MarshalIndent(map[string]any{"weight_map": shardOf}, "", "  ")
	require.NoError(t, err)
	set[indexName] = &fstest.MapFile{Data: text}
	return set, shardOf
}

func TestManyShards(t *testing.T) {
	const n = 300
	set, shardOf := wideSet(t, n, &WriteOptions{Checksums: true})
	dir := onDisk(t, set)
	for _, o := range []OpenOptions{{}, {NoMmap: true}, {InMemory: true, Verify: true}, {Verify: true}} {
		f, err := Open(dir, &o)
		require.NoError(t, err)
		require.Len(t, f.Shards(), n)
		require.Equal(t, len(shardOf), f.Len())
		for name, x := range f.All() {
			var i, k int
			_, err := fmt.Sscanf(name, "layer.%d.%d", &i, &k)
			require.NoError(t, err)
			require.Equal(t, filepath.Join(dir, shardOf[name]), x.Path())
			require.Equal(t, slices.Repeat([]byte{byte(i + k)}, i+1), bytesOf(t, tensorOf(t, f, name)))
		}
		checked, err := f.Verify(t.Context())
		require.NoError(t, err)
		require.Equal(t, f.Len(), checked)
		require.NoError(t, f.Close())
	}
}

var opens sync.Mutex

// closing counts what is opened and closed of an fs.FS.
type closing struct {
	fs.FS
	open map[string]int
}

type closingFile struct {
	fs.File
	of   *closing
	name string
}

func (c *closing) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	opens.Lock()
	defer opens.Unlock()
	c.open[name]++
	return closingFile{f, c, name}, nil
}

func (f closingFile) ReadAt(p []byte, off int64) (int, error) {
	return f.File.(io.ReaderAt).ReadAt(p, off)
}

func (f closingFile) Close() error {
	opens.Lock()
	defer opens.Unlock()
	f.of.open[f.name]--
	return f.File.Close()
}

func (c *closing) left() (names []string) {
	for name := range maps.Keys(c.open) {
		if c.open[name] != 0 {
			names = append(names, name)
		}
	}
	return names
}

// Whatever fails, nothing stays open.
func TestFailedSetIsClosed(t *testing.T) {
	for _, c := range setCases {
		set := baseSet(t)
		c.edit(set)
		counting := &closing{set, map[string]int{}}
		if f, err := OpenFS(counting, indexName, nil); err == nil {
			require.NoError(t, f.Close())
		}
		require.Empty(t, counting.left(), c.name)
	}
}

// What is in memory has no file open any more, nor has what a checksum keeps from
// opening.
func TestInMemorySetHoldsNoFile(t *testing.T) {
	set, _ := wideSet(t, 5, &WriteOptions{Checksums: true})
	counting := &closing{set, map[string]int{}}
	f, err := OpenFS(counting, indexName, &OpenOptions{InMemory: true})
	require.NoError(t, err)
	require.Len(t, counting.open, 6)
	require.Empty(t, counting.left())
	require.Equal(t, []byte{0}, bytesOf(t, tensorOf(t, f, "layer.0.0")))
	require.NoError(t, f.Close())

	damaged := set["model-00002-of-00005.safetensors"].Data
	damaged[len(damaged)-1]++
	for _, o := range []OpenOptions{{Verify: true}, {Verify: true, InMemory: true}} {
		_, err = OpenFS(counting, indexName, &o)
		require.ErrorIs(t, err, ErrChecksum)
		require.Empty(t, counting.left())
	}
}

// No float says whether a sum of 2^53 bytes or more is right.
func TestTotalBeyondFloats(t *testing.T) {
	for _, c := range []struct {
		total string
		got   uint64
		ok    bool
	}{
		{"9007199254740991.0", 1<<53 - 1, true},
		{"9007199254740992.0", 1<<53 + 1, false},
		{"9007199254740993", 1<<53 + 1, true},
		{"18446744073709551615", 1<<64 - 1, true},
		{"1e400", 0, false},
	} {
		x := &index{total: []byte(c.total)}
		require.Equal(t, c.ok, x.compareTotal(c.got) == nil, c.total)
	}
}

// An index can name any number of shards that are not there.
func TestMillionsOfMissingShards(t *testing.T) {
	text := `{"weight_map":{` + many(100_000, func(i int) string { return fmt.Sprintf(`"%d":"%d.safetensors"`, i, i) }) + `}}`
	_, err := OpenFS(fstest.MapFS{indexName: {Data: []byte(text)}}, indexName, nil)
	require.ErrorIs(t, err, ErrShardIndex)
	require.Less(t, len(err.Error()), 10_000)
	var joined interface{ Unwrap() []error }
	require.ErrorAs(t, err, &joined)
}

// The hub's own cache holds links to files elsewhere.
func TestShardsMayBeLinks(t *testing.T) {
	blobs := onDisk(t, baseSet(t))
	dir := t.TempDir()
	for name := range baseSet(t) {
		if err := os.Symlink(filepath.Join(blobs, name), filepath.Join(dir, name)); err != nil {
			t.Skip(err)
		}
	}
	f, err := Open(dir, nil)
	require.NoError(t, err)
	require.Equal(t, 5, f.Len())
	require.NoError(t, f.Close())
}
