package safetensors

// This file is about Rewrite: that the new file is what Encode would have made of the
// edited tensors, and what is refused.

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// apply is what an edit means, in tensors.
func apply(src []Source, e *Edit) []Source {
	gone := map[string]bool{}
	for _, name := range e.Drop {
		gone[name] = true
	}
	for _, s := range e.Put {
		gone[s.Name] = true
	}
	var out []Source
	for _, s := range src {
		if !gone[s.Name] {
			out = append(out, s)
		}
	}
	return append(out, e.Put...)
}

// anyEdit drops some tensors and puts others, some of them in the place of old ones.
func anyEdit(t *rapid.T, src []Source) *Edit {
	e := &Edit{}
	put := anySources(t)
	for i, s := range src {
		switch rapid.SampledFrom([]string{"stay", "stay", "drop", "replace"}).Draw(t, "fate") {
		case "drop":
			e.Drop = append(e.Drop, s.Name)
		case "replace":
			if i < len(put) {
				put[i].Name = s.Name
			}
		}
	}
	seen := map[string]bool{}
	for _, name := range e.Drop {
		seen[name] = true
	}
	for _, s := range put {
		if !seen[s.Name] {
			e.Put = append(e.Put, s)
		}
		seen[s.Name] = true
	}
	for i := range e.Put {
		if s := &e.Put[i]; rapid.Bool().Draw(t, "made") {
			data := s.Data
			s.Data, s.WriteData = nil, inParts(data, 777)
		}
	}
	return e
}

// Whatever the edit, the file is that of Encode. With checksums in either file, all tensors
// have one.
func TestRewriteGivesTheBytesOfEncode(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		src, before, o := anySources(rt), anyOptions(rt), anyOptions(rt)
		for key, value := range o.Metadata {
			o.Metadata[key] = "new " + value // so that no alias stays
		}
		path := rewritten(rt, dir, encodedWith(rt, src, before))
		e := anyEdit(rt, src)
		e.Metadata = func(m map[string]string) {
			for key := range m {
				require.False(rt, strings.HasPrefix(key, metakey.Own), key)
			}
			clear(m)
			maps.Copy(m, o.Metadata)
		}
		want := &WriteOptions{Metadata: o.Metadata, Checksums: before.Checksums && len(src) > 0 || o.Checksums, Align: o.Align}
		switch had := before.Metadata != nil || before.Checksums; {
		case had && want.Metadata == nil:
			want.Metadata = map[string]string{}
		case !had && len(want.Metadata) == 0:
			want.Metadata = nil
		}
		require.NoError(rt, Rewrite(t.Context(), path, e, &WriteOptions{Checksums: o.Checksums, Align: o.Align, NoSync: true}))
		got, err := os.ReadFile(path)
		require.NoError(rt, err)
		require.Equal(rt, encodedWith(rt, apply(src, e), want), got)
	})
	onlyNamed(t, dir, ".safetensors")
}

// rewrittenFile is the file at path after an edit.
func rewrittenFile(t *testing.T, path string, e *Edit, o *WriteOptions) *File {
	t.Helper()
	require.NoError(t, Rewrite(t.Context(), path, e, o))
	f, err := Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// Tensors that stay keep their checksums, also of bytes that are damaged; what is put gets
// one if any had.
func TestRewriteChecksums(t *testing.T) {
	src := []Source{piece("a", U8, 0, 100, 100), piece("b", U8, 0, 50, 50), piece("c", U8, 0, 50, 50)}
	edit := &Edit{Drop: []string{"b"}, Put: []Source{piece("c", U8, 7, 9, 2), piece("d", U8, 1, 2, 1)}}
	file := encodedWith(t, src, &WriteOptions{Checksums: true, Metadata: map[string]string{"kibisis.crc64nvme.stale": "x"}})
	f := opened(t, file, nil)
	begin, _ := tensorOf(t, f, "a").Range()
	file[begin] ^= 1
	f = rewrittenFile(t, rewritten(t, t.TempDir(), file), edit, nil)
	require.Len(t, f.Metadata(), 3)
	for name, x := range f.All() {
		stored, err := x.Verify()
		require.True(t, stored)
		if name == "a" {
			require.ErrorIs(t, err, ErrChecksum)
		} else {
			require.NoError(t, err)
		}
	}
	plain := encoded(t, nil, src...)
	require.Nil(t, rewrittenFile(t, rewritten(t, t.TempDir(), plain), edit, nil).Metadata())
	require.Len(t, rewrittenFile(t, rewritten(t, t.TempDir(), plain), edit, &WriteOptions{Checksums: true}).Metadata(), 3)
	// A tensor without one, in a file that has others, gets none unless it is asked for.
	some := encoded(t, map[string]string{"kibisis.crc64nvme.a": spell(checksum(counted(100)))}, src...)
	require.Len(t, rewrittenFile(t, rewritten(t, t.TempDir(), some), edit, nil).Metadata(), 3)
	require.Len(t, rewrittenFile(t, rewritten(t, t.TempDir(), some), nil, nil).Metadata(), 1)
	require.Len(t, rewrittenFile(t, rewritten(t, t.TempDir(), some), nil, &WriteOptions{Checksums: true}).Metadata(), 3)
}

// A file of another order and alignment becomes canonical; large tensors move whole.
func TestRewriteMakesCanonical(t *testing.T) {
	for name, want := range goldenFiles(t) {
		file, err := os.ReadFile(filepath.Join(goldenDir, name))
		require.NoError(t, err)
		f := rewrittenFile(t, rewritten(t, t.TempDir(), file), nil, nil)
		require.Equal(t, want.Metadata, f.Metadata())
		old := opened(t, file, nil)
		require.Equal(t, reencoded(t, old), f.shards[0].src.mem, name)
	}
	src := append(largeSources(), piece("y", U64, 0, 8))
	path := rewritten(t, t.TempDir(), encoded(t, nil, src...))
	f := rewrittenFile(t, path, &Edit{Drop: []string{"y"}, Put: []Source{piece("x", U8, 0, 0, 0)}}, &WriteOptions{Align: 4096})
	require.Equal(t, encodedWith(t, append(src[:4:4], piece("x", U8, 0, 0, 0)), &WriteOptions{Align: 4096}), f.shards[0].src.mem)
}

// Readers of the old file keep it.
func TestRewriteUnderAMappedReader(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be replaced there")
	}
	path := rewritten(t, t.TempDir(), encoded(t, nil, piece("a", U8, 0, 100, 100)))
	old, err := Open(path, nil)
	require.NoError(t, err)
	defer old.Close()
	b, err := tensorOf(t, old, "a").Bytes()
	require.NoError(t, err)
	f := rewrittenFile(t, path, &Edit{Put: []Source{piece("a", U8, 100, 200, 100)}}, nil)
	require.Equal(t, counted(100), b)
	require.NoError(t, old.Check())
	require.Equal(t, counted(200)[100:], bytesOf(t, tensorOf(t, f, "a")))
}

func TestRewriteRefuses(t *testing.T) {
	tied := map[string]string{"tied": "a", "again": "tied", "free": "text"}
	cut := func(m map[string]string) { delete(m, "tied") }
	for name, c := range map[string]struct {
		metadata map[string]string
		e        *Edit
		o        *WriteOptions
		want     error
		text     string
	}{
		"drop of nothing":      {nil, &Edit{Drop: []string{"x"}}, nil, ErrNotFound, `tensor "x"`},
		"put twice":            {nil, &Edit{Put: []Source{piece("x", U8, 0, 1, 1), piece("x", U8, 0, 2, 2)}}, nil, ErrDuplicate, `tensor "x"`},
		"drop and put":         {nil, &Edit{Drop: []string{"a"}, Put: []Source{piece("a", U8, 0, 1, 1)}}, nil, ErrDuplicate, "to be dropped and to be put"},
		"data of another size": {nil, &Edit{Put: []Source{piece("x", U8, 0, 1, 2)}}, nil, ErrSize, "1 bytes of data"},
		"a reserved name":      {nil, &Edit{Put: []Source{piece("__metadata__", U8, 0, 1, 1)}}, nil, ErrReserved, ""},
		"an alias":             {tied, &Edit{Drop: []string{"a"}}, nil, ErrNotFound, `tensor "a" is to be dropped, and the metadata has "again" as another name of it`},
		"half a chain":         {tied, &Edit{Drop: []string{"a"}, Metadata: cut}, nil, ErrNotFound, `"again"`},
		"metadata in o":        {nil, nil, &WriteOptions{Metadata: map[string]string{}}, nil, "use Edit.Metadata"},
		"Align":                {nil, nil, &WriteOptions{Align: 3}, nil, "Align is 3"},
		"a shard":              {map[string]string{"kibisis.set": "0"}, nil, nil, nil, "belongs to a set of shards"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := rewritten(t, dir, encoded(t, c.metadata, piece("a", U8, 0, 1, 1), piece("b", U8, 0, 1, 1)))
			before, err := os.ReadFile(path)
			require.NoError(t, err)
			err = Rewrite(t.Context(), path, c.e, c.o)
			require.ErrorContains(t, err, c.text)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
			}
			requirePlain(t, err)
			after, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, before, after)
			onlyNamed(t, dir, ".safetensors")
		})
	}
}

// Aliases of what is dropped may be taken out, led elsewhere, or become tensors; a shard may
// become a file of its own.
func TestRewriteAliases(t *testing.T) {
	tied := map[string]string{"tied": "a", "again": "tied", "kibisis.set": "0"}
	for name, c := range map[string]struct {
		metadata func(map[string]string)
		put      []Source
		want     map[string]string
	}{
		"taken out":        {func(m map[string]string) { clear(m) }, nil, map[string]string{}},
		"led elsewhere":    {func(m map[string]string) { m["tied"] = "b" }, nil, map[string]string{"tied": "b", "again": "b"}},
		"text":             {func(m map[string]string) { m["tied"] = "x"; m["again"] = "y" }, nil, map[string]string{}},
		"becomes a tensor": {func(map[string]string) {}, []Source{piece("tied", U8, 0, 1, 1)}, map[string]string{"again": "tied"}},
	} {
		path := rewritten(t, t.TempDir(), encoded(t, tied, piece("a", U8, 0, 1, 1), piece("b", U8, 0, 1, 1)))
		e := &Edit{Drop: []string{"a"}, Put: c.put, Metadata: func(m map[string]string) {
			delete(m, "kibisis.set")
			c.metadata(m)
		}}
		require.Equal(t, c.want, rewrittenFile(t, path, e, nil).Aliases(), name)
	}
	// Of the tensor "", an alias that is gone is no alias that leads to "".
	path := rewritten(t, t.TempDir(), encoded(t, map[string]string{"@": ""}, piece("", U8, 0, 1, 1)))
	e := &Edit{Drop: []string{""}, Metadata: func(m map[string]string) { clear(m) }}
	require.Empty(t, rewrittenFile(t, path, e, nil).Aliases())
}

// What only lenient reading takes is not rewritten, nor what is no file.
func TestRewriteOfABadFile(t *testing.T) {
	twice := frame(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, []byte{1})
	opened(t, twice, &OpenOptions{Lenient: true})
	dir := t.TempDir()
	require.ErrorIs(t, Rewrite(t.Context(), rewritten(t, dir, twice), nil, nil), ErrDuplicate)
	require.ErrorIs(t, Rewrite(t.Context(), filepath.Join(dir, "none"), nil, nil), os.ErrNotExist)
	require.ErrorContains(t, Rewrite(t.Context(), dir, nil, nil), "not a regular file")
	onlyNamed(t, dir, ".safetensors")
}

// A cancelled Rewrite leaves the old file.
func TestRewriteCancelled(t *testing.T) {
	for _, when := range []int{0, 1, 2} {
		dir := t.TempDir()
		path := rewritten(t, dir, encoded(t, nil, largeSources()...))
		before, err := os.Stat(path)
		require.NoError(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		calls := 0
		o := &WriteOptions{Progress: func(done, total int64) {
			require.LessOrEqual(t, done, total)
			if calls++; calls == when {
				cancel(errCut)
			}
		}}
		if when == 0 {
			cancel(errCut)
		}
		require.ErrorIs(t, Rewrite(ctx, path, nil, o), errCut, fmt.Sprint(when))
		after, err := os.Stat(path)
		require.NoError(t, err)
		require.True(t, os.SameFile(before, after))
		onlyNamed(t, dir, ".safetensors")
	}
}
