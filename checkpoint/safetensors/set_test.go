package safetensors

// This file is about sets: what an index and its shards may be, and that they are
// one namespace.

import (
	"encoding/json"
	"errors"
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

// setEdit changes a set that is right.
type setEdit func(set fstest.MapFS)

// inIndex replaces text of the index.
func inIndex(old, new string) setEdit {
	return func(set fstest.MapFS) {
		if !strings.Contains(baseIndex, old) {
			panic("the index does not hold " + old)
		}
		set[indexName] = &fstest.MapFile{Data: []byte(strings.Replace(baseIndex, old, new, 1))}
	}
}

func wholeIndex(text string) setEdit {
	return func(set fstest.MapFS) { set[indexName] = &fstest.MapFile{Data: []byte(text)} }
}

// shardOf replaces a shard.
func shardOf(name string, metadata map[string]string, src ...Source) setEdit {
	return func(set fstest.MapFS) { set[name] = &fstest.MapFile{Data: encodedOrPanic(metadata, src)} }
}

func encodedOrPanic(metadata map[string]string, src []Source) []byte {
	var w writeBuffer
	if err := Encode(&w, src, &WriteOptions{Metadata: metadata}); err != nil {
		panic(err)
	}
	return w
}

func edits(all ...setEdit) setEdit {
	return func(set fstest.MapFS) {
		for _, edit := range all {
			edit(set)
		}
	}
}

// named renames a shard in the index.
func named(name string) setEdit {
	quoted, err := json.Marshal(name)
	if err != nil {
		panic(err)
	}
	return inIndex(`"model-2.safetensors"`, string(quoted))
}

func oneByte(name string) Source {
	return Source{Name: name, DType: U8, Shape: []int{1}, Data: []byte{7}}
}

func digestIn(key, digest string) setEdit {
	return inIndex(`"total_size":35`, fmt.Sprintf(`%q:%s`, key, digest))
}

const (
	digest1 = "00112233445566778899aabbccddeeff"
	digest2 = "00112233445566778899aabbccddee00"
)

func digests(one, two, three string) setEdit {
	return edits(
		shardOf(shard1, map[string]string{setKey: one}, baseTensors[shard1]...),
		shardOf(shard2, map[string]string{setKey: two}, baseTensors[shard2]...),
		shardOf(shard3, map[string]string{setKey: three}, baseTensors[shard3]...),
	)
}

// setCases are one edit each. An error is named by words of it, "" is none.
var setCases = []struct {
	name            string
	edit            setEdit
	strict, lenient string
}{
	{"X1 up", named("../model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 below", named("sub/model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 absolute", named("/model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 backslash", named(`..\model-2.safetensors`), `plain file name`, `plain file name`},
	{"X1 drive", named(`C:model-2.safetensors`), `plain file name`, `plain file name`},
	{"X1 NUL", named("model-2\x00.safetensors"), `plain file name`, `plain file name`},
	{"X1 escape sequence", named("\x1b[2Jmodel-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 empty", named(""), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 dot", named("."), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 dots", named(".."), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 suffix only", named(".safetensors"), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 long", named(strings.Repeat("x", 244) + ".safetensors"), `a file name of 256 bytes`, `a file name of 256 bytes`},
	{"X2", named("model-2.bin"), `ends in .safetensors`, `ends in .safetensors`},
	{"X3", func(set fstest.MapFS) { delete(set, shard1) }, `"model-1.safetensors" is missing, and with it "a.weight", "a.bias"`, `is missing`},
	{"X4", inIndex(`"b":`, `"no":"model-1.safetensors","b":`), `shard "model-1.safetensors" does not hold "no"`, `does not hold "no"`},
	{"X4 shard without tensors", shardOf(shard2, nil), `shard "model-2.safetensors" does not hold "b"`, `does not hold "b"`},
	{"X5", inIndex(`,"a.bias":"model-1.safetensors"`, ``), `shard "model-1.safetensors" holds "a.bias", not in weight_map`, ``},
	{"X6", shardOf(shard2, nil, append(baseTensors[shard2], oneByte("c"))...), `shard "model-2.safetensors" holds "c", for which weight_map names another`, ``},
	{"X6 two shards change places", inIndex(`"b":"model-2.safetensors","c":"other.safetensors"`, `"b":"other.safetensors","c":"model-2.safetensors"`), `does not hold "c"`, `does not hold "c"`},
	{"X7 more", inIndex(`35`, `36`), `field "total_size": index: is "36", the tensors take 35 bytes; a lenient reader`, ``},
	{"X7 less", inIndex(`35`, `34`), `is "34"`, ``},
	{"X7 half", inIndex(`35`, `35.5`), `is "35.5"`, ``},
	{"X7 negative", inIndex(`35`, `-35`), `is "-35"`, ``},
	{"X7 string", inIndex(`35`, `"35"`), `is "\"35\""`, ``},
	{"X7 null", inIndex(`35`, `null`), `is "null"`, ``},
	{"X7 float", inIndex(`35`, `35.0`), ``, ``},
	{"X7 exponent", inIndex(`35`, `3.5e1`), ``, ``},
	{"X7 absent", inIndex(`"total_size":35,`, ``), ``, ``},
	{"X7 twice", inIndex(`"total_size":35,`, `"total_size":35,"total_size":35,`), `stands twice`, `stands twice`},
	{"X8 extra keys", inIndex(`{"metadata"`, `{"x":[1,{"y":null}],"__metadata__":0,"metadata"`), ``, ``},
	{"X8 no metadata", inIndex(`"metadata":{"total_size":35,"a.tied":"a.weight","format":"index"},`, ``), ``, ``},
	{"X8 null metadata", inIndex(`{"total_size":35,"a.tied":"a.weight","format":"index"}`, `null`), ``, ``},
	{"X8 metadata is a list", inIndex(`{"total_size":35,"a.tied":"a.weight","format":"index"}`, `[]`), `want '{'`, `want '{'`},
	{"X9 same shard", inIndex(`"b":`, `"b":"model-2.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 other shard first", inIndex(`"b":`, `"b":"other.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 other shard last", inIndex(`"c":"other.safetensors"`, `"c":"other.safetensors","b":"other.safetensors"`), `names "b" more than once`, `does not hold "b"`},
	{"X9 spelled otherwise", inIndex(`"b":`, `"\u0062":"model-2.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 two maps", inIndex(`{"metadata"`, `{"weight_map":{},"metadata"`), `field "weight_map"`, `stands twice`},
	{"X9 two metadata", inIndex(`{"metadata"`, `{"metadata":{},"metadata"`), `field "metadata"`, `stands twice`},
	{"X10 byte order mark", wholeIndex("\ufeff" + baseIndex), `byte order mark`, `byte order mark`},
	{"X10 not UTF-8", inIndex(`"b":`, "\"\xff\":\"model-2.safetensors\",\"b\":"), `not UTF-8`, `not UTF-8`},
	{"X10 half a surrogate", inIndex(`"b":`, `"\ud800":"model-2.safetensors","b":`), `surrogate`, `surrogate`},
	{"X10 map is a list", wholeIndex(`{"weight_map":[]}`), `field "weight_map": bytes [14:15)`, `want an object`},
	{"X10 map is null", wholeIndex(`{"weight_map":null}`), `want an object`, `want an object`},
	{"X10 no map", wholeIndex(`{"metadata":{}}`), `field "weight_map": index: the index has none`, `has none`},
	{"X10 value is a number", inIndex(`"b":"model-2.safetensors"`, `"b":2`), `tensor "b": field "weight_map"`, `want the name of a shard`},
	{"X10 value is null", inIndex(`"b":"model-2.safetensors"`, `"b":null`), `want the name of a shard`, `want the name of a shard`},
	{"X10 empty", wholeIndex(``), `the index ends where`, `the index ends where`},
	{"X10 cut", wholeIndex(baseIndex[:60]), `the index ends where`, `the index ends where`},
	{"X10 a list", wholeIndex(`[]`), `bytes [0:1): index: found '['`, `found '['`},
	{"X10 more behind", wholeIndex(baseIndex + `x`), `nothing but white space`, `nothing but white space`},
	{"X10 white space", wholeIndex("\r\n\t " + baseIndex + "\n"), ``, ``},
	{"X12", wholeIndex(`{"metadata":{"total_size":0},"weight_map":{}}`), ``, ``},
	{"X13", edits(func(set fstest.MapFS) { set["Gewichte 1&2, groß.safetensors"] = set[shard2] }, named("Gewichte 1&2, groß.safetensors")), ``, ``},
	{"X13 escaped", inIndex(`"model-2.safetensors"`, `"\u006dodel-2.safetensors"`), ``, ``},
	{"shard is broken", func(set fstest.MapFS) { set[shard2].Data = set[shard2].Data[:100] }, `model-2.safetensors: `, `model-2.safetensors: `},

	{"digest", edits(digestIn(setKey, `"`+digest1+`"`), digests(digest1, digest1, digest1)), ``, ``},
	{"digest, one shard has another", edits(digestIn(setKey, `"`+digest1+`"`), digests(digest1, digest2, digest1)), `shard model-2.safetensors has "` + digest2 + `", the index "` + digest1, `different sets`},
	{"digest, one shard has none", edits(digestIn(setKey, `"`+digest1+`"`), digests(digest1, digest1, digest1), shardOf(shard3, nil, baseTensors[shard3]...)), `shard other.safetensors has none`, `different sets`},
	{"digest, the index has none", digests(digest1, digest1, digest1), `the index none`, `different sets`},
	{"digest, only one shard has one", shardOf(shard1, map[string]string{setKey: digest1}, baseTensors[shard1]...), `shard model-1.safetensors has "` + digest1 + `", the index none`, `different sets`},
	{"digest, only the index has one", digestIn(setKey, `"`+digest1+`"`), `shard model-1.safetensors has none`, `different sets`},
	{"digest is a number", digestIn(setKey, `1`), `field "kibisis.set"`, `want '"'`},
}

func TestSetCases(t *testing.T) {
	for _, c := range setCases {
		for _, o := range []OpenOptions{{}, {Lenient: true}} {
			t.Run(fmt.Sprintf("%s/lenient=%v", c.name, o.Lenient), func(t *testing.T) {
				set := baseSet(t)
				c.edit(set)
				want := c.strict
				if o.Lenient {
					want = c.lenient
				}
				f, err := opensAs(t, set, o)
				if want == "" {
					require.NoError(t, err)
					require.Equal(t, c.strict != "", len(f.Forgiven()) > 0)
					for _, pardon := range f.Forgiven() {
						require.ErrorIs(t, pardon, ErrShardIndex)
						require.ErrorContains(t, pardon, c.strict)
					}
					return
				}
				require.ErrorContains(t, err, want)
				for line := range strings.Lines(err.Error()) {
					requirePlain(t, errors.New(strings.TrimSuffix(line, "\n")))
				}
				if c.name != "shard is broken" {
					require.ErrorIs(t, err, ErrShardIndex)
				}
			})
		}
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

func TestWhichFileOfAFolder(t *testing.T) {
	file := encoded(t, map[string]string{"is": "file"}, oneByte("x"))
	index := `{"metadata":{"is":"index"},"weight_map":{}}`
	for _, c := range []struct {
		files []string
		want  string // the metadata "is", or words of an error
	}{
		{[]string{indexName, "model.safetensors", "a.safetensors.index.json"}, "index"},
		{[]string{"model.safetensors", "a.safetensors.index.json", "b.safetensors"}, "file"},
		{[]string{"model.fp16.safetensors.index.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.index.fp16.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.fp16.index.json", "model-1.safetensors"}, "index"},
		{[]string{"model.safetensors.index_of.json", "model.index.json", "model-1.safetensors"}, "file"},
		{[]string{"a.safetensors", "config.json"}, "file"},
		{[]string{"a.safetensors.index.json", "b.safetensors.index.json", "c.safetensors"}, `holds "a.safetensors.index.json", "b.safetensors.index.json": open one`},
		{[]string{"b.safetensors", "a.safetensors"}, `holds "a.safetensors", "b.safetensors": open one`},
		{[]string{"config.json", "model.bin"}, `it holds "config.json", "model.bin"`},
		{nil, "it holds nothing"},
	} {
		set := fstest.MapFS{"sub/deep/x": {Data: nil}, "sub/folder.safetensors/x": {Data: nil}}
		for _, name := range c.files {
			data := []byte(index)
			if strings.HasSuffix(name, ".safetensors") {
				data = file
			}
			set["sub/"+name] = &fstest.MapFile{Data: data}
		}
		dir := onDisk(t, set)
		for _, open := range []func() (*File, error){
			func() (*File, error) { return OpenFS(set, "sub", nil) },
			func() (*File, error) { return Open(filepath.Join(dir, "sub"), nil) },
		} {
			f, err := open()
			if err != nil {
				require.ErrorContains(t, err, c.want)
				require.NotErrorIs(t, err, fs.ErrNotExist)
				continue
			}
			require.Equal(t, c.want, f.Metadata()["is"], "%q", c.files)
			require.NoError(t, f.Close())
		}
	}
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
