//go:build unix

package atomicio

// These tests need modes and links, which only Unix has for everybody.

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestDirModesAreKept: of the folder, with setgid, of the user's things, and of files by
// name. A new name is no more open than what it replaces.
func TestDirModesAreKept(t *testing.T) {
	needExchange(t)
	withUmask(t, 0o022)
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "sub"), 0o777))
	for name, mode := range map[string]fs.FileMode{"a.st": 0o640, "index": 0o600, "notes": 0o444, "sub/x": 0o604} {
		require.NoError(t, os.WriteFile(filepath.Join(path, name), nil, 0o600))
		require.NoError(t, os.Chmod(filepath.Join(path, name), mode))
	}
	require.NoError(t, os.Chmod(filepath.Join(path, "sub"), 0o705))
	require.NoError(t, os.Chmod(path, 0o751|fs.ModeSetgid))
	require.NoError(t, saveDir(path, map[string]string{"a.st": "2", "new.st": "2", "index": "2"}))
	for name, want := range map[string]fs.FileMode{
		"": 0o751, "a.st": 0o640, "index": 0o600, "new.st": 0o600, "notes": 0o444, "sub": 0o705, "sub/x": 0o604,
	} {
		require.Equal(t, want, perm(t, filepath.Join(path, name)), name)
	}
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeSetgid)
}

// TestDirOfANewTargetObeysTheUmask.
func TestDirOfANewTargetObeysTheUmask(t *testing.T) {
	withUmask(t, 0o027)
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, saveDir(path, map[string]string{"a.st": "1"}))
	require.Equal(t, fs.FileMode(0o750), perm(t, path))
	require.Equal(t, fs.FileMode(0o640), perm(t, filepath.Join(path, "a.st")))
}

// TestDirThroughALink: the folder that the link points to is replaced, the link stays.
func TestDirThroughALink(t *testing.T) {
	needExchange(t)
	root := t.TempDir()
	real := filepath.Join(root, "there", "real")
	require.NoError(t, os.MkdirAll(real, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(real, "a.st"), []byte("old"), 0o666))
	require.NoError(t, os.Symlink("there/real", filepath.Join(root, "link")))
	require.NoError(t, saveDir(filepath.Join(root, "link")+"/", map[string]string{"index": "new"}))
	requireNames(t, real, "index")
	requireNames(t, filepath.Join(root, "there"), "real")
	info, err := os.Lstat(filepath.Join(root, "link"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&fs.ModeSymlink)
}

// TestDirFileThatWasALink is replaced by a file; what the link points to stays.
func TestDirFileThatWasALink(t *testing.T) {
	needExchange(t)
	root := t.TempDir()
	path := filepath.Join(root, "model")
	require.NoError(t, os.Mkdir(path, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(root, "blob"), []byte("blob"), 0o666))
	require.NoError(t, os.Symlink("../blob", filepath.Join(path, "a.st")))
	require.NoError(t, saveDir(path, map[string]string{"a.st": "new"}))
	require.Equal(t, "new", read(t, filepath.Join(path, "a.st")))
	require.Equal(t, "blob", read(t, filepath.Join(root, "blob")))
}

// TestDirWithAPipe cannot carry it over, says so, and leaves all as it was.
func TestDirWithAPipe(t *testing.T) {
	needExchange(t)
	root := t.TempDir()
	path := filepath.Join(root, "model")
	require.NoError(t, saveDir(path, map[string]string{"index": "old"}))
	require.NoError(t, unix.Mkfifo(filepath.Join(path, "pipe"), 0o666))
	require.ErrorContains(t, saveDir(path, map[string]string{"index": "new"}), `carry over "pipe": it is a pipe`)
	require.Equal(t, "old", read(t, filepath.Join(path, "index")))
	requireNames(t, root, "model")
}
