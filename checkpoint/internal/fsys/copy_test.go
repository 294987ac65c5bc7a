package fsys

// These tests copy ranges between files of this machine.

import (
	"bytes"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// files makes a file of random bytes and an empty one.
func files(t *testing.T, size int) (src, dst File, data []byte) {
	dir := t.TempDir()
	data = make([]byte, size)
	rng := rand.New(rand.NewPCG(1, uint64(size)))
	for i := range data {
		data[i] = byte(rng.Uint32())
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "src"), data, 0o600))
	src, err := OS.OpenFile(filepath.Join(dir, "src"), os.O_RDONLY, 0)
	require.NoError(t, err)
	dst, err = OS.OpenFile(filepath.Join(dir, "dst"), os.O_RDWR|os.O_CREATE, 0o600)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, src.Close()); require.NoError(t, dst.Close()) })
	return src, dst, data
}

// TestCopyRange: any range to any place, from what the kernel knows for a file and from what
// it does not.
func TestCopyRange(t *testing.T) {
	src, dst, data := files(t, 3*copyPiece)
	sources := map[string]io.ReaderAt{
		"a file":     src,
		"an os.File": src.(osFile).File,
		"a section":  io.NewSectionReader(src, 0, int64(len(data))),
		"memory":     bytes.NewReader(data),
	}
	rng := rand.New(rand.NewPCG(3, 4))
	for name, from := range sources {
		for range 20 {
			begin := rng.Int64N(int64(len(data)))
			n := rng.Int64N(int64(len(data)) - begin + 1)
			off := rng.Int64N(1 << 20)
			require.NoError(t, dst.CopyRange(off, from, begin, n), name)
			got := make([]byte, n)
			_, err := dst.ReadAt(got, off)
			require.NoError(t, err)
			require.True(t, bytes.Equal(data[begin:begin+n], got), "%s: [%d:+%d) to %d", name, begin, n, off)
		}
	}
	_, err := dst.Write([]byte("x"))
	require.NoError(t, err)
	first := make([]byte, 1)
	_, err = dst.ReadAt(first, 0)
	require.NoError(t, err)
	require.Equal(t, "x", string(first), "Write goes on where it was")
}

func TestCopyRangeOfAFileThatIsTooShort(t *testing.T) {
	src, dst, data := files(t, 10_000)
	for _, from := range []io.ReaderAt{src, bytes.NewReader(data)} {
		require.ErrorIs(t, dst.CopyRange(0, from, 5000, 5001), io.ErrUnexpectedEOF)
		require.ErrorIs(t, dst.CopyRange(0, from, 20_000, 1), io.ErrUnexpectedEOF)
		require.NoError(t, dst.CopyRange(0, from, 10_000, 0))
	}
	require.Error(t, src.CopyRange(0, bytes.NewReader(data), 0, 1), "not open for writing")
}

// TestCopyRangeInsideTheKernel: the copy through memory would hide a call that never works.
func TestCopyRangeInsideTheKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no such call")
	}
	src, dst, data := files(t, 100_000)
	n := int64(len(data)) - 7
	switch done := copyRange(dst.(osFile).File, 3, src, 7, n); done {
	case 0:
		t.Skip("this kernel or file system refuses")
	default:
		require.Equal(t, n, done)
	}
	got := make([]byte, n)
	_, err := dst.ReadAt(got, 3)
	require.NoError(t, err)
	require.True(t, bytes.Equal(data[7:], got))
	require.Zero(t, copyRange(dst.(osFile).File, 0, bytes.NewReader(data), 0, 1), "memory is not the kernel's")
}
