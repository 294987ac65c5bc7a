package safetensors

// This file is about the Writer: that the order of writing does not matter, and what
// it refuses. disk_test.go has the disks that fail.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// anyOptions are options that change the bytes.
func anyOptions(t *rapid.T) *WriteOptions {
	return &WriteOptions{
		Metadata:  rapid.OneOf(rapid.Just[map[string]string](nil), rapid.MapOf(rapid.String(), rapid.String())).Draw(t, "metadata"),
		Checksums: rapid.Bool().Draw(t, "checksums"),
		Align:     rapid.SampledFrom([]int{0, 8, 64, 4096}).Draw(t, "align"),
		NoSync:    true,
	}
}

// encodedWith is what Encode makes with all options.
func encodedWith(t tb, src []Source, o *WriteOptions) []byte {
	t.Helper()
	var w writeBuffer
	require.NoError(t, Encode(&w, src, o))
	return w
}

// A way brings one tensor to a Writer.
type way func(w *Writer, s Source) error

// waysToWrite are all of them. The copies are from files that hold the tensors of src.
func waysToWrite(t testing.TB, rt tb, dir string, src []Source) map[string]way {
	file := encodedWith(rt, src, &WriteOptions{Checksums: len(src)%2 == 0})
	path := rewritten(rt, dir, file)
	ways := map[string]way{
		"Write": func(w *Writer, s Source) error { return w.Write(s.Name, s.Data) },
	}
	for name, wrap := range map[string]func(io.Reader) io.Reader{
		"at once":       func(r io.Reader) io.Reader { return r },
		"byte by byte":  iotest.OneByteReader,
		"EOF with data": iotest.DataErrReader,
		"halves":        iotest.HalfReader,
	} {
		ways["WriteFrom "+name] = func(w *Writer, s Source) error { return w.WriteFrom(s.Name, wrap(bytes.NewReader(s.Data))) }
	}
	for name, open := range map[string]func() (*File, error){
		"mapped":        func() (*File, error) { return Open(path, nil) },
		"copy-on-write": func() (*File, error) { return Open(path, &OpenOptions{CopyOnWrite: true}) },
		"file":          func() (*File, error) { return Open(path, &OpenOptions{NoMmap: true}) },
		"bytes":         func() (*File, error) { return OpenBytes(file, nil) },
		"reader":        func() (*File, error) { return NewFile(stingyReader(file), int64(len(file)), nil) },
	} {
		f, err := open()
		require.NoError(rt, err)
		t.Cleanup(func() { require.NoError(t, f.Close()) })
		ways["Copy "+name] = func(w *Writer, s Source) error {
			x, err := f.Tensor(s.Name)
			require.NoError(rt, err)
			return w.Copy(s.Name, x)
		}
	}
	return ways
}

// Whatever the order, the ways and the goroutines, the file is the one that Encode makes.
func TestWriterGivesTheBytesOfEncode(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		src, o := anySources(rt), anyOptions(rt)
		ways := waysToWrite(t, rt, dir, src)
		names := slices.Sorted(func(yield func(string) bool) {
			for name := range ways {
				if !yield(name) {
					return
				}
			}
		})
		path := rewritten(rt, dir, nil)
		w, err := Create(path, SpecsOf(src), o)
		require.NoError(rt, err)
		errs := make([]error, len(src))
		var group sync.WaitGroup
		atOnce := rapid.Bool().Draw(rt, "at once")
		for i, s := range rapid.Permutation(src).Draw(rt, "order") {
			name := rapid.SampledFrom(names).Draw(rt, "way")
			group.Go(func() { errs[i] = ways[name](w, s) })
			if !atOnce {
				group.Wait()
			}
		}
		group.Wait()
		require.NoError(rt, errors.Join(errs...))
		require.NoError(rt, w.Commit())
		require.NoError(rt, w.Close())
		got, err := os.ReadFile(path)
		require.NoError(rt, err)
		require.Equal(rt, encodedWith(rt, src, o), got)
	})
	onlyNamed(t, dir, ".safetensors")
}

// onlyNamed requires that nothing else is in a folder.
func onlyNamed(t testing.TB, dir, suffix string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		require.Equal(t, suffix, filepath.Ext(e.Name()))
	}
}

// Large tensors go in pieces, and at once from several goroutines.
func TestWriterLargeTensors(t *testing.T) {
	dir := t.TempDir()
	var src []Source
	for i := range 4 {
		data := counted(pieceBytes + 3*largeData + 5)
		data[0] = byte(i)
		src = append(src, Source{Name: fmt.Sprint(i), DType: U8, Shape: []int{len(data)}, Data: data})
	}
	o := &WriteOptions{Checksums: true, NoSync: true}
	want := encodedWith(t, src, o)
	for name, write := range waysToWrite(t, t, dir, src) {
		if name == "WriteFrom byte by byte" || name == "Copy reader" {
			continue // for ever
		}
		var done []int64
		o.Progress = func(n, total int64) {
			require.Equal(t, int64(len(want)), total)
			done = append(done, n)
		}
		path := filepath.Join(dir, "new.safetensors")
		w, err := Create(path, SpecsOf(src), o)
		require.NoError(t, err)
		var group sync.WaitGroup
		for _, s := range src {
			group.Go(func() { require.NoError(t, write(w, s)) })
		}
		group.Wait()
		require.NoError(t, w.Commit())
		got, err := os.ReadFile(path)
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got), name)
		require.True(t, slices.IsSorted(done))
		require.Equal(t, int64(len(want)), done[len(done)-1])
	}
}

// created begins a file of tensors a (F32 [2]) and b (U8 [3]) over an old one.
func created(t *testing.T, o *WriteOptions) (w *Writer, path string) {
	path = filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	w, err := Create(path, []Spec{{"a", F32, []int{2}}, {"b", U8, []int{3}}}, o)
	require.NoError(t, err)
	return w, path
}

// requireOld requires that path is as it was, and alone.
func requireOld(t testing.TB, path string) {
	t.Helper()
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(got))
	entries, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

// A call that cannot be right changes nothing: the right one still can be made.
func TestWriterRefusesWrongCalls(t *testing.T) {
	for _, checksums := range []bool{false, true} {
		w, path := created(t, &WriteOptions{Checksums: checksums})
		other := opened(t, encoded(t, nil, piece("a", F32, 0, 8, 2, 1), piece("i", I32, 0, 8, 2), piece("b", U8, 0, 4, 4), piece("right", U8, 0, 3, 3)), nil)
		require.NoError(t, w.Write("a", counted(8)))
		for name, c := range map[string]struct {
			err  error
			want error
			text string
		}{
			"unknown":        {w.Write("c", nil), ErrNotFound, `tensor "c"`},
			"unknown reader": {w.WriteFrom("c", nil), ErrNotFound, "among 2 declared"},
			"twice":          {w.Write("a", counted(8)), ErrDuplicate, "was written before"},
			"twice, reader":  {w.WriteFrom("a", bytes.NewReader(counted(8))), ErrDuplicate, `tensor "a"`},
			"short":          {w.Write("b", counted(2)), ErrSize, "2 bytes of data, shape [3] of U8 takes 3"},
			"long":           {w.Write("b", counted(4)), ErrSize, `tensor "b"`},
			"other dtype":    {w.Copy("b", tensorOf(t, other, "i")), ErrDType, "a copy of I32, declared is U8"},
			"other shape":    {w.Copy("b", tensorOf(t, other, "b")), ErrSize, "a copy of shape [4], declared is [3]"},
		} {
			require.ErrorIs(t, c.err, c.want, name)
			require.ErrorContains(t, c.err, c.text, name)
			requirePlain(t, c.err)
		}
		require.ErrorContains(t, w.Copy("b", Tensor{}), "a Tensor of no File")
		require.NoError(t, w.Copy("b", tensorOf(t, other, "right")))
		require.NoError(t, w.Commit())
		f, err := Open(path, nil)
		require.NoError(t, err)
		require.Equal(t, counted(3), bytesOf(t, tensorOf(t, f, "b")))
		require.NoError(t, f.Close())
	}
}

// A reader that fails, or has not what was declared, spoils the file: no half of a tensor
// is ever committed.
func TestWriterReaders(t *testing.T) {
	good := func() io.Reader { return bytes.NewReader(counted(8)) }
	for name, c := range map[string]struct {
		r    io.Reader
		want error
		text string
	}{
		"empty":             {bytes.NewReader(nil), ErrSize, "the reader ends after 0 of 8 bytes"},
		"short":             {iotest.OneByteReader(bytes.NewReader(counted(7))), ErrSize, "the reader ends after 7 of 8 bytes"},
		"cut":               {io.MultiReader(bytes.NewReader(counted(3)), iotest.ErrReader(io.ErrUnexpectedEOF)), io.ErrUnexpectedEOF, "3 of 8"},
		"long":              {io.MultiReader(good(), bytes.NewReader(counted(1))), ErrSize, "more than 8 bytes, shape [2] of F32"},
		"fails":             {io.MultiReader(bytes.NewReader(counted(3)), iotest.ErrReader(errCut)), errCut, "the line is cut"},
		"fails at the end":  {io.MultiReader(good(), iotest.ErrReader(errCut)), errCut, "the line is cut"},
		"wraps the end":     {io.MultiReader(good(), iotest.ErrReader(fmt.Errorf("%w: %w", errCut, io.EOF))), errCut, "the line is cut"},
		"wraps an end":      {iotest.ErrReader(fmt.Errorf("%w: %w", errCut, io.ErrUnexpectedEOF)), errCut, "the line is cut"},
		"fails when called": {iotest.ErrReader(errCut), errCut, "the line is cut"},
	} {
		t.Run(name, func(t *testing.T) {
			w, path := created(t, &WriteOptions{Checksums: true})
			err := w.WriteFrom("a", c.r)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, `tensor "a"`)
			require.ErrorContains(t, err, c.text)
			requirePlain(t, err)
			for _, again := range []error{w.Write("a", counted(8)), w.WriteFrom("b", bytes.NewReader(counted(3))), w.Commit()} {
				require.ErrorIs(t, again, c.want)
				require.ErrorContains(t, again, "after write tensor ")
				requirePlain(t, again)
			}
			require.NoError(t, w.Close())
			requireOld(t, path)
		})
	}
	// What is not declared to have bytes must have none.
	w, err := Create(filepath.Join(t.TempDir(), "m"), []Spec{{"e", F32, []int{0}}}, nil)
	require.NoError(t, err)
	require.ErrorIs(t, w.WriteFrom("e", good()), ErrSize)
	require.NoError(t, w.Close())
}

func TestCommitNamesWhatIsMissing(t *testing.T) {
	w, path := created(t, nil)
	require.NoError(t, w.Write("a", counted(8)))
	err := w.Commit()
	var f *FormatError
	require.ErrorAs(t, err, &f)
	require.Equal(t, FormatError{Kind: ErrIncomplete, Path: path, Detail: `1 of 2 tensors were not written: "b"`}, *f)
	require.NoError(t, w.Close())
	requireOld(t, path)

	var specs []Spec
	for i := range 40 {
		specs = append(specs, Spec{fmt.Sprintf("t%02d", i), U8, []int{i % 2}})
	}
	w, err = Create(path, specs, nil)
	require.NoError(t, err)
	for _, s := range specs[:28] {
		require.NoError(t, w.Write(s.Name, make([]byte, s.Shape[0])))
	}
	err = w.Commit()
	require.ErrorIs(t, err, ErrIncomplete)
	require.ErrorContains(t, err, `12 of 40 tensors were not written: "t28", "t29"`)
	require.ErrorContains(t, err, `"t37" and 2 more`)
	requireOld(t, path)
}

func TestWriterAfterItsEnd(t *testing.T) {
	for _, commit := range []bool{false, true} {
		w, path := created(t, nil)
		if commit {
			require.NoError(t, w.Write("a", counted(8)))
			require.NoError(t, w.Write("b", counted(3)))
			require.NoError(t, w.Commit())
		}
		require.NoError(t, w.Close())
		require.NoError(t, w.Close())
		for _, err := range []error{w.Write("b", counted(3)), w.WriteFrom("b", nil), w.Copy("b", Tensor{}), w.Commit()} {
			require.ErrorIs(t, err, ErrClosed)
		}
		if !commit {
			requireOld(t, path)
		}
	}
}

// Nothing is made for what could not be read back, nor for an Align that is none.
func TestCreateRefuses(t *testing.T) {
	_, path := created(t, nil)
	dir := filepath.Dir(path)
	before, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, specs := range [][]Spec{{{"__metadata__", U8, nil}}, {{"x", 0, nil}}, {{"x", U8, []int{-1}}}, {{"x", U8, nil}, {"x", F32, nil}}} {
		_, err := Create(path, specs, nil)
		var f *FormatError
		require.ErrorAs(t, err, &f)
	}
	for _, align := range []int{-8, 1, 4, 7, 12, 24, 1 << 21} {
		_, err := Create(path, nil, &WriteOptions{Align: align})
		require.ErrorContains(t, err, fmt.Sprintf("Align is %d, must be 0 or a power of two from 8 to 1048576", align))
		require.Error(t, Encode(io.Discard, nil, &WriteOptions{Align: align}))
		require.Error(t, WriteFile(t.Context(), path, nil, &WriteOptions{Align: align}))
	}
	_, err = Create(filepath.Join(dir, "none", "m"), nil, nil)
	require.ErrorIs(t, err, os.ErrNotExist)
	after, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, after, len(before))
}

// The Writer keeps nothing of the caller's.
func TestCreateCopiesTheSpecs(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	specs := []Spec{{"a", U8, []int{3}}}
	w, err := Create(path, specs, nil)
	require.NoError(t, err)
	specs[0].Name, specs[0].Shape[0] = "x", 99
	require.ErrorContains(t, w.Write("a", nil), "shape [3] of U8 takes 3")
	require.NoError(t, w.Write("a", counted(3)))
	require.NoError(t, w.Commit())
}

// A file of any size takes the memory of its header and a buffer.
func TestWriterMemory(t *testing.T) {
	skipIfRaced(t)
	const size = 256 << 20
	path := filepath.Join(t.TempDir(), "m")
	got := allocated(func() {
		w, err := Create(path, []Spec{{"x", U8, []int{size}}}, &WriteOptions{Checksums: true, NoSync: true})
		require.NoError(t, err)
		require.NoError(t, w.WriteFrom("x", io.LimitReader(zeros{}, size)))
		require.NoError(t, w.Commit())
	})
	require.Less(t, got, 4<<20)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Greater(t, info.Size(), int64(size))
}

// zeros has no end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
