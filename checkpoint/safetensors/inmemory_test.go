package safetensors

// This file is about files that are read into memory while opening, and about
// limits that are set by the caller.

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInMemoryOutlivesEverything(t *testing.T) {
	path := written(t, encoded(t, nil, tensorsOver()...))
	f, err := Open(path, &OpenOptions{InMemory: true})
	require.NoError(t, err)
	require.NoError(t, os.Truncate(path, 0))
	require.NoError(t, os.Remove(path), "nothing holds the file")
	require.NoError(t, f.Check())
	views := map[string][]byte{}
	for name, x := range f.All() {
		require.False(t, x.Mapped())
		b, err := x.Bytes()
		require.NoError(t, err)
		views[name] = b
	}
	x := tensorOf(t, f, "t7")
	v, err := As[uint8](x)
	require.NoError(t, err)
	require.Equal(t, zeroCopy, v.Shared(), "a view, not a copy")
	require.False(t, v.Mapped())
	require.NoError(t, f.Close())
	runtime.GC()
	for _, s := range tensorsOver() {
		require.True(t, bytes.Equal(s.Data, views[s.Name]), s.Name)
	}
	views["t7"][0]++ // and may be written to
	require.Equal(t, zeroCopy, views["t7"][0] == v.Data()[0])
	require.ErrorIs(t, x.ReadInto(make([]byte, x.Size())), ErrClosed)
}

// What is aligned in the file is aligned in memory, whatever the size of the file.
func TestInMemoryIsAligned(t *testing.T) {
	for size := 1; size < 40_000; size += 1 + size/7 {
		slab := newSlab(size)
		require.Len(t, slab, size)
		require.Zero(t, reflect.ValueOf(slab).Pointer()%slabAlign, "%d bytes", size)
	}
	require.Zero(t, reflect.ValueOf(newSlab(20<<20+1)).Pointer()%slabAlign)
}

func TestInMemoryOfAFileThatWasCut(t *testing.T) {
	file := encoded(t, nil, tensorsOver()...)
	for _, o := range []OpenOptions{{InMemory: true}, {InMemory: true, Verify: true}} {
		_, err := NewFile(bytes.NewReader(file[:len(file)-1]), int64(len(file)), &o)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		require.ErrorContains(t, err, "shorter than it was")
	}
}

// A reader that fails at any one byte fails the whole.
func TestInMemoryReadError(t *testing.T) {
	file := encoded(t, nil, tensorsOver()...)
	bad := errors.New("bad sector")
	for at := int64(0); at < int64(len(file)); at += 1 + int64(len(file))/50 {
		_, err := NewFile(failingAt{bytes.NewReader(file), at, bad}, int64(len(file)), &OpenOptions{InMemory: true})
		require.ErrorIs(t, err, bad)
	}
}

type failingAt struct {
	io.ReaderAt
	at  int64
	err error
}

func (f failingAt) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(p)) {
		n, _ := f.ReaderAt.ReadAt(p[:f.at-off], off)
		return n, f.err
	}
	return f.ReaderAt.ReadAt(p, off)
}

// Headers go before slabs: what a hostile one claims is never allocated.
func TestInMemoryRefusesBeforeItReads(t *testing.T) {
	file := frame(`{"x":{"dtype":"U8","shape":[1099511627776],"data_offsets":[0,1099511627776]}}`, nil)
	got := allocated(func() {
		_, err := NewFile(bytes.NewReader(file), 1<<50, &OpenOptions{InMemory: true})
		require.ErrorIs(t, err, ErrIncomplete)
	})
	require.Less(t, got, 1<<20)
	whole := frame(`{"x":{"dtype":"U8","shape":[1152921504606846976],"data_offsets":[0,1152921504606846976]}}`, nil)
	_, err := NewFile(bytes.NewReader(whole), int64(len(whole))+1<<60, &OpenOptions{InMemory: true})
	require.ErrorContains(t, err, "do not fit into memory")
}

func TestInMemoryOfBytesKeepsThem(t *testing.T) {
	file := encoded(t, nil, tensorsOver()...)
	f := opened(t, file, &OpenOptions{InMemory: true, Verify: true})
	b, err := tensorOf(t, f, "t7").Bytes()
	require.NoError(t, err)
	begin, _ := tensorOf(t, f, "t7").Range()
	require.Same(t, &file[begin], &b[0])
}

func TestMaxHeader(t *testing.T) {
	file := encoded(t, nil, oneByte("x"))
	n := int64(len(file)) - lengthBytes - 1
	for _, c := range []struct {
		most int64
		want ErrorKind
	}{{0, ""}, {n - 1, ErrHeaderTooLarge}, {n, ""}, {n + 1, ""}, {1 << 40, ""}, {-1, ""}} {
		for _, way := range entrances {
			err := way.open(t, file, OpenOptions{MaxHeader: c.most})
			if c.want == "" {
				require.NoError(t, err, way.name)
				continue
			}
			require.ErrorIs(t, err, c.want, way.name)
			require.ErrorContains(t, err, "MaxHeader", way.name)
		}
	}
	huge := frame("", nil)
	copy(huge, []byte{1, 0xe1, 0xf5, 5}) // 100,000,001
	_, err := OpenBytes(huge, &OpenOptions{MaxHeader: 1 << 40})
	require.ErrorIs(t, err, ErrHeaderTooLarge)
	_, err = OpenFS(baseSet(t), indexName, &OpenOptions{MaxHeader: 20})
	require.ErrorIs(t, err, ErrHeaderTooLarge)
	require.ErrorContains(t, err, shard1)
}
