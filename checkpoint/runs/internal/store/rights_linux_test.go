package store

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// asNobody runs fn with the rights of a user who is not root. They are this thread's alone.
func asNobody(t *testing.T, fn func()) {
	t.Helper()
	if os.Getuid() != 0 {
		fn()
		return
	}
	const nobody = 65534
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	_, err := unix.SetfsuidRetUid(nobody)
	require.NoError(t, err)
	defer func() {
		_, err := unix.SetfsuidRetUid(0)
		require.NoError(t, err)
	}()
	fn()
}

// TestDirectoryOfSomebodyElse: reading works; writing fails when the run is opened, and says where
// and why.
func TestDirectoryOfSomebodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	require.NoError(t, threeSaved(t, path, nil).Close())
	for dir := range map[string]bool{path: true, filepath.Dir(path): true, filepath.Dir(filepath.Dir(path)): true} {
		require.NoError(t, os.Chmod(dir, 0o555))
		t.Cleanup(func() { require.NoError(t, os.Chmod(dir, 0o755)) })
	}
	before := tree(t, newStore(path, nil).fsys, path)
	asNobody(t, func() {
		_, err := Open(path, nil)
		require.ErrorIs(t, err, fs.ErrPermission)
		require.ErrorContains(t, err, path)
		r, err := OpenReadOnly(path, nil)
		require.NoError(t, err)
		require.Equal(t, ID{1, 300}, head(t, r).ID)
		require.NoError(t, r.Close())
	})
	require.Equal(t, before, tree(t, newStore(path, nil).fsys, path))
}
