package safetensors

// This file is about what maps and closing do: views of a mapping, copy-on-write,
// files that others truncate, and readers that race with Close.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// mapped opens a file that must be mapped.
func mapped(t testing.TB, path string, o *OpenOptions) *File {
	t.Helper()
	switch runtime.GOOS {
	case "js", "wasip1", "plan9", "aix":
		t.Skip("no mapping on " + runtime.GOOS)
	}
	f, err := Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	for _, x := range f.All() {
		require.True(t, x.Mapped())
	}
	return f
}

const page = 1 << 16 // at least one of the machine's

// pages is a file of a tensor "x" of n bytes, with its checksum.
func pages(t tb, n int) []byte {
	var w writeBuffer
	require.NoError(t, Encode(&w, []Source{{Name: "x", DType: U8, Shape: []int{n}, Data: counted(n)}}, &WriteOptions{Checksums: true}))
	return w
}

func TestMappedViewIsReadOnly(t *testing.T) {
	f := mapped(t, written(t, pages(t, page)), nil)
	b, err := tensorOf(t, f, "x").Bytes()
	require.NoError(t, err)
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	require.Panics(t, func() { b[0] = 1 })
}

func TestCopyOnWriteLeavesTheFileAlone(t *testing.T) {
	file := pages(t, page)
	path := written(t, file)
	f := mapped(t, path, &OpenOptions{CopyOnWrite: true})
	x := tensorOf(t, f, "x")
	b, err := x.Bytes()
	require.NoError(t, err)
	for i := range b {
		b[i] = 7
	}
	require.Equal(t, bytes.Repeat([]byte{7}, page), bytesOf(t, x), "this process sees what it wrote")

	other := mapped(t, path, nil)
	require.Equal(t, counted(page), bytesOf(t, tensorOf(t, other, "x")))
	require.NoError(t, f.Close())
	now, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, now))
}

func TestCopyOnWriteNeedsAMapping(t *testing.T) {
	_, err := Open(os.DevNull, &OpenOptions{CopyOnWrite: true})
	require.ErrorContains(t, err, "copy-on-write")
}

func TestNoMmapIsNotMapped(t *testing.T) {
	f, err := Open(written(t, pages(t, page)), &OpenOptions{NoMmap: true})
	require.NoError(t, err)
	x := tensorOf(t, f, "x")
	require.False(t, x.Mapped())
	v, err := As[uint8](x)
	require.NoError(t, err)
	require.False(t, v.Shared())
	v.Data()[0] = 9 // the caller's own memory
	require.Equal(t, counted(page), bytesOf(t, x))
	require.NoError(t, f.Close())
}

func TestTruncatedFileIsAnErrorOfReads(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be truncated on Windows")
	}
	for _, o := range []*OpenOptions{nil, {CopyOnWrite: true}, {NoMmap: true}} {
		t.Run(fmt.Sprintf("%+v by a byte", o), func(t *testing.T) {
			path := written(t, pages(t, 4*page))
			f, err := Open(path, o)
			require.NoError(t, err)
			x := tensorOf(t, f, "x")
			require.NoError(t, f.Check())
			_, end := x.Range()
			require.NoError(t, os.Truncate(path, end-1))
			require.Error(t, x.ReadInto(make([]byte, 4*page)), "the last byte would read as zero")
			require.Equal(t, o == nil || !o.NoMmap, f.Check() != nil, "what is not mapped needs no check")
			require.NoError(t, f.Close())
			require.ErrorIs(t, f.Check(), ErrClosed)
		})
		t.Run(fmt.Sprintf("%+v", o), func(t *testing.T) {
			path := written(t, pages(t, 4*page))
			f, err := Open(path, o)
			require.NoError(t, err)
			x := tensorOf(t, f, "x")
			rows, err := x.Slice(Range(2*page, End))
			require.NoError(t, err)
			require.NoError(t, os.Truncate(path, page))
			for name, read := range map[string]func() error{
				"ReadInto":   func() error { return x.ReadInto(make([]byte, 4*page)) },
				"ReadAt":     func() error { _, err := x.ReadAt(make([]byte, 1), 3*page); return err },
				"of a slice": func() error { return rows.ReadInto(make([]byte, 2*page)) },
				"Verify":     func() error { _, err := x.Verify(); return err },
			} {
				err := read()
				require.Error(t, err, name)
				require.ErrorContains(t, err, path, name)
				requirePlain(t, err)
				if o != nil && o.NoMmap {
					require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
				}
			}
			require.NoError(t, x.read(make([]byte, 100), 0), "what is left can be read")
			require.NoError(t, f.Close())
		})
	}
}

func TestClosed(t *testing.T) {
	file := encoded(t, map[string]string{"k": "v"}, Source{Name: "x", DType: F16, Shape: []int{2, 4}, Data: counted(16)})
	for _, f := range openedAnywhere(t, t.TempDir(), file, bytes.NewReader(file)) {
		x := tensorOf(t, f, "x")
		part, err := x.Slice(At(1))
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.NoError(t, f.Close(), "closing twice is harmless")
		for name, read := range map[string]func() error{
			"ReadInto":   func() error { return x.ReadInto(make([]byte, 16)) },
			"ReadAt":     func() error { _, err := x.ReadAt(make([]byte, 1), 0); return err },
			"Bytes":      func() error { _, err := x.Bytes(); return err },
			"As":         func() error { _, err := As[Float16](x); return err },
			"Float32s":   func() error { _, err := x.Float32s(nil); return err },
			"of a slice": func() error { _, err := As[Float16](part); return err },
		} {
			err := read()
			require.ErrorIs(t, err, ErrClosed, name)
			requirePlain(t, err)
		}
		require.Equal(t, []string{"x"}, f.Names(), "the header is in memory")
		require.Equal(t, map[string]string{"k": "v"}, f.Metadata())
	}
}

// Readers race with each other and with Close: each read is right, or says that
// the file is closed.
func TestConcurrentReadersAndClose(t *testing.T) {
	var src []Source
	for i := range 20 {
		src = append(src, Source{Name: fmt.Sprint(i), DType: U8, Shape: []int{100, 100}, Data: bytes.Repeat([]byte{byte(i)}, 10_000)})
	}
	var w writeBuffer
	require.NoError(t, Encode(&w, src, &WriteOptions{Checksums: true, Metadata: map[string]string{"alias": "3"}}))
	path := written(t, w)
	for _, o := range []*OpenOptions{nil, {NoMmap: true}} {
		f, err := Open(path, o)
		require.NoError(t, err)
		var wg sync.WaitGroup
		ready := make(chan struct{}, 8)
		for g := range cap(ready) {
			wg.Go(func() {
				for i := 0; ; i++ {
					if i == 20 {
						ready <- struct{}{}
					}
					if err := readOne(f, src[(g+i)%len(src)]); err != nil {
						if !errors.Is(err, ErrClosed) {
							t.Error(err)
						}
						return
					}
				}
			})
		}
		for range cap(ready) {
			<-ready
		}
		require.NoError(t, f.Close())
		wg.Wait()
	}
}

// readOne reads one tensor in several ways.
func readOne(f *File, s Source) error {
	x, err := f.Tensor(s.Name)
	if err != nil {
		return err
	}
	p := make([]byte, len(s.Data))
	if err := x.ReadInto(p); err != nil {
		return err
	}
	if !bytes.Equal(p, s.Data) || f.Aliases()["alias"] != "3" {
		return fmt.Errorf("tensor %q is wrong", s.Name)
	}
	column, err := x.Slice(All(), At(3))
	if err != nil {
		return err
	}
	if _, err := As[uint8](column); err != nil {
		return err
	}
	_, err = x.Verify()
	return err
}

func TestOpenWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	for _, o := range []*OpenOptions{nil, {NoMmap: true}, {CopyOnWrite: true}} {
		_, err := Open(filepath.Join(dir, "missing"), o)
		require.ErrorIs(t, err, fs.ErrNotExist)
		requirePlain(t, err)
		_, err = Open(dir, o)
		require.ErrorContains(t, err, "no shard index")
		require.NotErrorIs(t, err, fs.ErrNotExist)
		requirePlain(t, err)
		if _, err := os.Stat("/dev/zero"); err == nil {
			_, err = Open("/dev/zero", o)
			require.ErrorContains(t, err, "not a regular file")
		}
		_, err = Open(written(t, nil), o)
		require.ErrorIs(t, err, ErrHeaderTooSmall)
	}
	_, err := OpenFS(os.DirFS(dir), "missing", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = OpenFS(os.DirFS(dir), ".", nil)
	require.ErrorContains(t, err, "no shard index")
	_, err = NewFile(bytes.NewReader(nil), -1, nil)
	require.ErrorContains(t, err, "-1 bytes")
	_, err = OpenFS(noStat{fstest.MapFS{"m": {}}}, "m", nil)
	require.ErrorIs(t, err, errNoStat)
}

var errNoStat = errors.New("no idea")

// A noStat gives files that do not know their size.
type noStat struct{ fs.FS }

type noStatFile struct{ fs.File }

func (noStatFile) Stat() (fs.FileInfo, error) { return nil, errNoStat }

func (n noStat) Open(name string) (fs.File, error) {
	f, err := n.FS.Open(name)
	return noStatFile{f}, err
}

// A source that neither gives bytes nor an error must not hang the reader.
func TestReaderWithoutProgress(t *testing.T) {
	_, err := NewFile(idleReader{}, 100, nil)
	require.ErrorIs(t, err, io.ErrNoProgress)
}

type idleReader struct{}

func (idleReader) ReadAt([]byte, int64) (int, error) { return 0, nil }

// io.ReaderAt may give io.EOF along with the last byte, and less than was asked
// for along with an error.
func TestReaderThatEndsWithEOF(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{5}, Data: counted(5)})
	f, err := NewFile(eofReader(file), int64(len(file)), nil)
	require.NoError(t, err)
	require.Equal(t, counted(5), bytesOf(t, tensorOf(t, f, "x")))
	_, err = NewFile(eofReader(file), int64(len(file))+1000, nil)
	require.ErrorIs(t, err, ErrIncomplete)
	text := string(file[lengthBytes : len(file)-5])
	longer := frame(text+" ", nil)
	_, err = NewFile(eofReader(longer[:len(longer)-1]), int64(len(longer)), nil)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}

type eofReader []byte

func (r eofReader) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p, r[min(off, int64(len(r))):])
	if off+int64(n) >= int64(len(r)) {
		return n, io.EOF
	}
	return n, nil
}
