package fsys_test

// These tests are about what is held of a file in memory, and locks that are shared.

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// TestMapOutlivesTheHandle and what is written to the file before it shows.
func TestMapOutlivesTheHandle(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f"))
	data, unmap, err := f.Map()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no mappings on this system")
	}
	require.NoError(t, err)
	require.Nil(t, data)
	require.NoError(t, unmap())

	_, err = f.Write([]byte("abc"))
	require.NoError(t, err)
	data, unmap, err = f.Map()
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, "abc", string(data))
	require.NoError(t, unmap())
}

func TestMapIsForFiles(t *testing.T) {
	d, err := fsys.OS.OpenDir(t.TempDir())
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("directories cannot be opened")
	}
	require.NoError(t, err)
	defer d.Close()
	_, _, err = d.Map()
	require.Error(t, err)
}

// TestEvictLosesNothing that was not synced.
func TestEvictLosesNothing(t *testing.T) {
	f := create(t, filepath.Join(t.TempDir(), "f"))
	for _, text := range []string{"abc", "def"} {
		_, err := f.Write([]byte(text))
		require.NoError(t, err)
		require.NoError(t, f.Evict())
		require.NoError(t, f.Sync())
		require.NoError(t, f.Evict())
	}
	got := make([]byte, 6)
	_, err := f.ReadAt(got, 0)
	require.NoError(t, err)
	require.Equal(t, "abcdef", string(got))
}

// TestSharedLocks: any number of readers, or one writer.
func TestSharedLocks(t *testing.T) {
	name := filepath.Join(t.TempDir(), "f")
	create(t, name)
	open := func() fsys.File {
		f, err := fsys.OS.OpenFile(name, os.O_RDWR, 0)
		require.NoError(t, err)
		t.Cleanup(func() { _ = f.Close() })
		return f
	}
	one, two, writer := open(), open(), open()
	ok, err := one.TryLockShared()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no file locks on this system")
	}
	require.NoError(t, err)
	require.True(t, ok)
	answer := func(ok bool, err error) bool {
		require.NoError(t, err)
		return ok
	}
	require.True(t, answer(two.TryLockShared()))
	require.False(t, answer(writer.TryLock()), "beside two readers")
	require.NoError(t, one.Close())
	require.False(t, answer(writer.TryLock()), "beside one reader")
	require.NoError(t, two.Close())
	require.True(t, answer(writer.TryLock()))
	require.False(t, answer(open().TryLockShared()), "beside the writer")
}
