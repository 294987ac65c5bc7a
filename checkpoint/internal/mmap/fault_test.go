//go:build unix && !aix

package mmap

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// cutFile maps a file of 64 pages and cuts it to one.
func cutFile(t *testing.T, copyOnWrite bool) (b []byte, page int) {
	t.Helper()
	page = os.Getpagesize()
	path := fileOf(t, pattern(64*page))
	m := open(t, path, copyOnWrite)
	require.NoError(t, os.Truncate(path, int64(page)))
	return m.Bytes(), page
}

// TestCutFileIsAnErrorNotACrash: a neighbour that truncates the file must not take the
// program down.
func TestCutFileIsAnErrorNotACrash(t *testing.T) {
	for _, copyOnWrite := range []bool{false, true} {
		b, page := cutFile(t, copyOnWrite)
		require.ErrorIs(t, Populate(t.Context(), b), ErrFault)
		require.ErrorIs(t, Populate(t.Context(), b[page+1:page+2]), ErrFault)
		require.ErrorIs(t, Populate(t.Context(), b[len(b)-1:]), ErrFault)
		require.NoError(t, Populate(t.Context(), b[:page]), "the rest is still there")

		got := make([]byte, len(b))
		err := Guard(func() { copy(got, b) })
		require.ErrorIs(t, err, ErrFault)
		require.ErrorContains(t, err, "address 0x")
		require.NoError(t, Guard(func() { copy(got, b[:page]) }))
		require.Equal(t, pattern(page), got[:page])
	}
}

// TestTouchSeesEveryPage: the way without the kernel's help finds the one bad page too,
// wherever the range begins and ends.
func TestTouchSeesEveryPage(t *testing.T) {
	b, page := cutFile(t, false)
	require.ErrorIs(t, touch(b), ErrFault)
	require.NoError(t, touch(b[:page]))
	require.NoError(t, touch(b[page-1:page]))
	require.ErrorIs(t, touch(b[page-1:page+1]), ErrFault, "begins in the good page, ends in the bad one")
	require.ErrorIs(t, touch(b[10:page+1]), ErrFault)
}

// TestPipeDoesNotHang: opening a pipe for reading waits for a writer, for ever.
func TestPipeDoesNotHang(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, unix.Mkfifo(path, 0o666))
	_, err := Open(path, false)
	require.ErrorIs(t, err, os.ErrInvalid)
	// The open itself does not wait either, should a pipe appear after the look.
	f, err := os.OpenFile(path, openFlags, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestWriteToReadOnlyBytesUnderGuard: the other way to die by a mapping.
func TestWriteToReadOnlyBytesUnderGuard(t *testing.T) {
	m := open(t, fileOf(t, pattern(10)), false)
	require.ErrorIs(t, Guard(func() { m.Bytes()[0] = 1 }), ErrFault)
}

func TestDescriptorsAreReturned(t *testing.T) {
	path := fileOf(t, pattern(10))
	lowest := func() int {
		fd, err := syscall.Open(os.DevNull, syscall.O_RDONLY, 0)
		require.NoError(t, err)
		require.NoError(t, syscall.Close(fd))
		return fd
	}
	before := lowest()
	m, err := Open(path, false)
	require.NoError(t, err)
	_, _ = Open(t.TempDir(), false)
	require.NoError(t, m.Close())
	require.Equal(t, before, lowest())
}

// A file that is cut within its last page gives no fault, and Check tells.
func TestCheckSeesACutWithinAPage(t *testing.T) {
	path := fileOf(t, pattern(100))
	m, err := Open(path, false)
	require.NoError(t, err)
	require.NoError(t, m.Check(100))
	require.NoError(t, os.Truncate(path, 99))
	require.NoError(t, Populate(t.Context(), m.Bytes()))
	require.ErrorIs(t, m.Check(100), ErrFault)
	require.NoError(t, m.Check(99))
	require.ErrorContains(t, m.Check(100), "99 of 100 bytes are left")
	require.NoError(t, os.Truncate(path, 200))
	require.NoError(t, m.Check(100), "more is not less")
	require.NoError(t, m.Close())
	require.NoError(t, m.Check(100), "there is nothing to check any more")
}
