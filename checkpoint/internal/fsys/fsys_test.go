package fsys_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

func create(t *testing.T, name string) fsys.File {
	t.Helper()
	f, err := fsys.OS.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// TestReserveKeepsLength: a reservation that showed as length could pass, after a
// crash, for a whole file of zeros.
func TestReserveKeepsLength(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f"))
	_, err := f.Write([]byte("abc"))
	require.NoError(t, err)
	require.NoError(t, f.Reserve(0))
	require.NoError(t, f.Reserve(1<<20))
	info, err := f.Stat()
	require.NoError(t, err)
	require.Equal(t, int64(3), info.Size())
}

func TestReserveReportsTheFullDisk(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs a call that is known to check the free space")
	}
	f := create(t, filepath.Join(t.TempDir(), "f"))
	err := f.Reserve(1 << 60)
	full := errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EFBIG)
	require.True(t, full, "an exbibyte was reserved: %v", err)
}

// TestTryLock: two handles exclude each other even within one process, and a closed
// one lets go.
func TestTryLock(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	first := create(t, name)
	second, err := fsys.OS.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	defer second.Close()

	ok, err := first.TryLock()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no file locks on this system")
	}
	require.NoError(t, err)
	require.True(t, ok)
	ok, err = second.TryLock()
	require.NoError(t, err)
	require.False(t, ok, "both hold the lock")
	_, err = second.WriteAt([]byte("data"), 0)
	require.NoError(t, err, "the lock must not stop writing")
	require.NoError(t, first.Close())
	ok, err = second.TryLock()
	require.NoError(t, err)
	require.True(t, ok, "closing did not release the lock")
}

// TestOpenFilesMove: a writer holds its lock, and so its handle, until its file has
// its final name.
func TestOpenFilesMove(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.WriteFile(b, []byte("old"), 0o666))
	f := create(t, a)
	_, err := f.Write([]byte("new"))
	require.NoError(t, err)
	require.NoError(t, fsys.OS.Rename(a, b))
	require.NoError(t, fsys.OS.SyncDir(dir))
	got, err := os.ReadFile(b)
	require.NoError(t, err)
	require.Equal(t, "new", string(got))

	require.NoError(t, fsys.OS.Remove(b))
	require.NoError(t, f.Close())
	names, err := fsys.OS.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, names)
}

// TestErrorsAreTheSystems: callers branch on them.
func TestErrorsAreTheSystems(t *testing.T) {
	dir := t.TempDir()
	_, err := fsys.OS.OpenFile(filepath.Join(dir, "none"), os.O_RDONLY, 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	create(t, filepath.Join(dir, "f"))
	f, err := fsys.OS.OpenFile(filepath.Join(dir, "f"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
	require.ErrorIs(t, err, os.ErrExist)
	require.True(t, f == nil, "an error came with a typed nil")
	if runtime.GOOS != "windows" {
		require.ErrorIs(t, fsys.OS.SyncDir(filepath.Join(dir, "none")), os.ErrNotExist)
	}
}
