package safetensors

// This file writes sets and reads them again: what is in them, and what becomes of the
// folder.

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// skipWithoutExchange leaves out a test that replaces sets.
func skipWithoutExchange(t *testing.T) {
	if runtime.GOOS != "linux" && runtime.GOOS != "darwin" {
		t.Skip("this system cannot replace a folder in one step")
	}
}

// counters are n tensors of size bytes each, no two alike.
func counters(n, size int) []Source {
	src := make([]Source, n)
	for i := range src {
		data := counted(size)
		if size > 0 {
			data[0] += byte(i)
		}
		src[i] = Source{Name: fmt.Sprintf("t%02d", i), DType: U8, Shape: []int{size}, Data: data}
	}
	return src
}

// setOf writes a set into a new folder.
func setOf(t testing.TB, src []Source, o *ShardOptions) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "m")
	require.NoError(t, WriteShards(t.Context(), dir, src, o))
	return dir
}

// filesOf reads all files of a folder.
func filesOf(t tb, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		require.NoError(t, err)
		files[e.Name()] = string(b)
	}
	return files
}

// Whatever the tensors and the sizes, Open gives back what was written; shards are no larger
// than asked for but by one tensor; and the same set has the same bytes.
func TestWriteShardsThenOpen(t *testing.T) {
	skipWithoutExchange(t)
	parent, sets := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		src, o := anySources(rt), &ShardOptions{WriteOptions: *anyOptions(rt), MaxSize: rapid.Int64Range(1, 40_000).Draw(rt, "max")}
		delete(o.Metadata, totalKey)
		sets++
		dir := filepath.Join(parent, fmt.Sprint(sets))
		require.NoError(rt, WriteShards(t.Context(), dir, src, o))
		f, err := Open(dir, &OpenOptions{InMemory: true, Verify: true})
		require.NoError(rt, err)
		require.Equal(rt, len(src), f.Len())
		held := map[string]int64{}
		for _, s := range src {
			requireTensor(rt, tensorOf(rt, f, s.Name), s)
			held[tensorOf(rt, f, s.Name).Path()] += int64(len(s.Data))
		}
		for _, x := range f.All() {
			require.True(rt, held[x.Path()] <= o.MaxSize || held[x.Path()] == x.Size() || x.Size() == 0)
		}
		for k, v := range o.Metadata {
			if !strings.HasPrefix(k, metakey.Own) {
				require.Equal(rt, v, f.Metadata()[k])
			}
		}
		_, stored := f.Metadata()[metakey.Set]
		require.Equal(rt, len(held) > 1, stored)

		first := filesOf(rt, dir)
		for i := range src {
			src[i].WriteData, src[i].Data = inParts(src[i].Data, 1+i*1000), nil
		}
		require.NoError(rt, WriteShards(t.Context(), dir, src, o))
		require.Equal(rt, first, filesOf(rt, dir))
	})
}

// What fits in one file is what WriteFile makes.
func TestWriteShardsOfOneFile(t *testing.T) {
	for _, src := range [][]Source{counters(3, 10), nil} {
		for _, checksums := range []bool{false, true} {
			o := WriteOptions{Metadata: map[string]string{"k": "v", metakey.Set: noSet, metakey.Checksum + "t00": "of another"}, Checksums: checksums}
			files := filesOf(t, setOf(t, src, &ShardOptions{WriteOptions: o, MaxSize: 30}))
			o.Metadata = map[string]string{"k": "v", metakey.Format: "pt"}
			require.Equal(t, map[string]string{"model.safetensors": string(encodedWith(t, src, &o))}, files)
		}
	}
}

// format goes into the shards, checksums into that of their tensor, the rest into the index.
func TestMetadataOfASet(t *testing.T) {
	o := &ShardOptions{MaxSize: 10, WriteOptions: WriteOptions{Checksums: true, Align: 4096, Metadata: map[string]string{
		metakey.Format: "mlx", "tied": "t00", "é\U0001f600\x7f\n": "\u2028\"\\", metakey.Set: "of another set", metakey.Checksum + "t01": "of another file",
	}}}
	files := filesOf(t, setOf(t, counters(2, 10), o))
	digest := digestOf(counters(2, 10))
	for i, name := range []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"} {
		s := counters(2, 10)[i]
		f := opened(t, []byte(files[name]), nil)
		require.Equal(t, map[string]string{
			metakey.Format: "mlx", metakey.Set: digest, metakey.Checksum + s.Name: fmt.Sprintf("%016x", checksum(s.Data)),
		}, f.Metadata())
		require.Zero(t, f.shards[0].h.dataStart()%4096)
	}
	require.Equal(t, `{
  "metadata": {
    "total_size": 20,
    "kibisis.set": "`+digest+`",
    "tied": "t00",
    "\u00e9\ud83d\ude00\u007f\n": "\u2028\"\\"
  },
  "weight_map": {
    "t00": "model-00001-of-00002.safetensors",
    "t01": "model-00002-of-00002.safetensors"
  }
}`, files[indexName])
}

// digestOf follows the package comment.
func digestOf(src []Source) string {
	src = slices.Clone(src)
	slices.SortFunc(src, func(a, b Source) int { return strings.Compare(a.Name, b.Name) })
	text := ""
	for _, s := range src {
		shape := strings.ReplaceAll(fmt.Sprint(s.Shape), " ", ",")
		text += fmt.Sprintf("%d:%s %s %s %016x\n", len(s.Name), s.Name, s.DType, shape, checksum(s.Data))
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text)))[:32]
}

// The digest is of the content: it does not depend on order or size of shards, and changes
// with every name, dtype, shape and byte.
func TestDigestOfASet(t *testing.T) {
	digest := func(src []Source, most int64) string {
		f, err := Open(setOf(t, src, &ShardOptions{MaxSize: most}), nil)
		require.NoError(t, err)
		defer f.Close()
		return f.Metadata()[metakey.Set]
	}
	src := counters(4, 12)
	want := digest(src, 12)
	require.Equal(t, want, digestOf(src))
	require.Equal(t, want, digest(src, 24))
	slices.Reverse(src)
	require.Equal(t, want, digest(src, 12))
	for name, change := range map[string]func(s *Source){
		"name":  func(s *Source) { s.Name = "t0" },
		"dtype": func(s *Source) { s.DType = I8 },
		"shape": func(s *Source) { s.Shape = []int{3, 4} },
		"data":  func(s *Source) { s.Data[11]++ },
	} {
		other := counters(4, 12)
		change(&other[2])
		require.NotEqual(t, want, digest(other, 12), name)
		require.Equal(t, digestOf(other), digest(other, 12), name)
	}
}

// A shard of another save, with the same names, is refused.
func TestMixedSetsAreRefused(t *testing.T) {
	later := counters(3, 12)
	later[0].Data[5]++
	a, b := setOf(t, counters(3, 12), &ShardOptions{MaxSize: 12}), setOf(t, later, &ShardOptions{MaxSize: 12})
	for name, content := range filesOf(t, b) {
		mixed := filepath.Join(t.TempDir(), "m")
		require.NoError(t, os.CopyFS(mixed, os.DirFS(a)))
		require.NoError(t, os.WriteFile(filepath.Join(mixed, name), []byte(content), 0o600))
		_, err := Open(mixed, nil)
		requireKind(t, ErrShardIndex, err, name)
		require.ErrorContains(t, err, metakey.Set)
	}
}

// A smaller set takes the place of a larger one, of a single file and back. Nothing else in
// the folder changes.
func TestWriteShardsReplacesASet(t *testing.T) {
	skipWithoutExchange(t)
	dir := setOf(t, counters(5, 10), &ShardOptions{MaxSize: 10})
	require.Len(t, filesOf(t, dir), 6)
	others := map[string]string{
		"config.json": "{}", "model.fp16.safetensors": "a variant", "model-00001-of-00005.safetensors.bak": "kept", "optimizer.safetensors": "kept",
	}
	for name, content := range others {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "logs", "model.safetensors"), 0o777))
	before, err := os.Stat(filepath.Join(dir, "config.json"))
	require.NoError(t, err)
	old, err := Open(dir, nil)
	require.NoError(t, err)
	defer old.Close()

	for _, c := range []struct {
		most int64
		want []string
	}{
		{30, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName}},
		{50, []string{"model.safetensors"}},
		{49, []string{"model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", indexName}},
	} {
		require.NoError(t, WriteShards(t.Context(), dir, counters(5, 10), &ShardOptions{MaxSize: c.most}))
		var got []string
		entries, err := os.ReadDir(dir)
		require.NoError(t, err)
		for _, e := range entries {
			if content, other := others[e.Name()]; other {
				b, err := os.ReadFile(filepath.Join(dir, e.Name()))
				require.NoError(t, err)
				require.Equal(t, content, string(b))
			} else if e.Name() != "logs" {
				got = append(got, e.Name())
			}
		}
		require.Len(t, entries, len(c.want)+len(others)+1)
		require.Equal(t, c.want, got)
		require.DirExists(t, filepath.Join(dir, "logs", "model.safetensors"))
	}
	after, err := os.Stat(filepath.Join(dir, "config.json"))
	require.NoError(t, err)
	require.True(t, os.SameFile(before, after), "not a copy")
	require.Equal(t, counters(5, 10)[4].Data, bytesOf(t, tensorOf(t, old, "t04")), "readers keep the old set")
	entries, err := os.ReadDir(filepath.Dir(dir))
	require.NoError(t, err)
	require.Len(t, entries, 1, "nothing is left beside the folder")
}

func TestWriteShardsRefuses(t *testing.T) {
	good := counters(2, 10)
	for name, c := range map[string]struct {
		src  []Source
		o    ShardOptions
		kind ErrorKind
	}{
		"a name twice, in two shards": {append(counters(2, 10), good[0]), ShardOptions{MaxSize: 10}, ErrDuplicate},
		"the metadata's name":         {append(counters(2, 10), piece("__metadata__", U8, 0, 4, 4)), ShardOptions{}, ErrReserved},
		"data too short":              {append(counters(2, 10), piece("x", U8, 0, 3, 4)), ShardOptions{MaxSize: 10}, ErrSize},
		"total_size":                  {good, ShardOptions{WriteOptions: WriteOptions{Metadata: map[string]string{totalKey: "1"}}}, ErrReserved},
		"a key not UTF-8":             {good, ShardOptions{MaxSize: 10, WriteOptions: WriteOptions{Metadata: map[string]string{"\xff": "1"}}}, ErrHeaderUTF8},
		"too long":                    {eightTimes2to60(), ShardOptions{}, ErrOverflow},
	} {
		dir := filepath.Join(t.TempDir(), "m")
		requireKind(t, c.kind, WriteShards(t.Context(), dir, c.src, &c.o), name)
		require.NoDirExists(t, dir)
	}
	for text, o := range map[string]ShardOptions{
		"MaxSize is -1": {MaxSize: -1}, "Align is 3": {WriteOptions: WriteOptions{Align: 3}},
	} {
		require.ErrorContains(t, WriteShards(t.Context(), t.TempDir(), good, &o), text)
	}
	many := make([]Source, maxShards+1)
	for i := range many {
		many[i] = Source{Name: fmt.Sprint(i), DType: U8, Shape: []int{1}, Data: []byte{0}}
	}
	require.ErrorContains(t, WriteShards(t.Context(), t.TempDir(), many, &ShardOptions{MaxSize: 1}), "makes 100000 shards")
	require.ErrorContains(t, WriteShards(t.Context(), ".", good, nil), `"."`)
}

// Shards that are large enough to be written past the page cache are as right as small ones,
// and Progress counts the bytes of all files.
func TestLargeShards(t *testing.T) {
	const shard = 9 << 20
	var last, all int64
	o := &ShardOptions{MaxSize: shard, WriteOptions: WriteOptions{Checksums: true, Progress: func(done, total int64) {
		require.Greater(t, done, last)
		last, all = done, total
	}}}
	dir := setOf(t, counters(3, shard), o)
	var size int64
	for _, content := range filesOf(t, dir) {
		size += int64(len(content))
	}
	require.Equal(t, size, last)
	require.Equal(t, size, all)
	f, err := Open(dir, nil)
	require.NoError(t, err)
	defer f.Close()
	checked, err := f.Verify(t.Context())
	require.NoError(t, err)
	require.Equal(t, 3, checked)
	require.Equal(t, digestOf(counters(3, shard)), f.Metadata()[metakey.Set])
}

// A set that ends early, for whatever reason, leaves the old one and nothing beside it.
func TestWriteShardsThatEndsEarly(t *testing.T) {
	why := errors.New("the user pressed Ctrl-C")
	for name, c := range map[string]struct {
		change func(src []Source, o *ShardOptions, cancel func())
		want   error
	}{
		"cancelled before": {func(_ []Source, _ *ShardOptions, cancel func()) { cancel() }, why},
		"cancelled before the index": {func(_ []Source, o *ShardOptions, cancel func()) {
			o.Progress = func(done, total int64) {
				if total-done < 1000 {
					cancel()
				}
			}
		}, why},
		"WriteData fails": {func(src []Source, _ *ShardOptions, _ func()) {
			src[2].Data, src[2].WriteData = nil, func(io.Writer) error { return errCut }
		}, errCut},
	} {
		dir := setOf(t, counters(2, 5), nil)
		before := filesOf(t, dir)
		ctx, cancel := context.WithCancelCause(t.Context())
		src, o := counters(4, 5000), &ShardOptions{MaxSize: 5000}
		c.change(src, o, func() { cancel(why) })
		require.ErrorIs(t, WriteShards(ctx, dir, src, o), c.want, name)
		cancel(nil)
		require.Equal(t, before, filesOf(t, dir), name)
		entries, err := os.ReadDir(filepath.Dir(dir))
		require.NoError(t, err)
		require.Len(t, entries, 1, name)
	}
}
