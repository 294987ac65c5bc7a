//go:build unix

package atomicio

// These tests need what only Unix has: modes and an umask, links that anybody may make,
// pipes, directories without the right to write.

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func withUmask(t *testing.T, mask int) {
	t.Helper()
	old := unix.Umask(mask)
	t.Cleanup(func() { unix.Umask(old) })
}

func perm(t *testing.T, path string) fs.FileMode {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Mode().Perm()
}

func TestModeOfTheOldFileIsKept(t *testing.T) {
	withUmask(t, 0o027)
	for _, mode := range []fs.FileMode{0o600, 0o644, 0o755, 0o444, 0o666} {
		path := filepath.Join(t.TempDir(), "m")
		require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		require.NoError(t, save(path, "new", nil))
		require.Equal(t, mode, perm(t, path))
	}
}

func TestModeOfANewFileObeysTheUmask(t *testing.T) {
	for mask, want := range map[int]fs.FileMode{0o027: 0o640, 0o077: 0o600, 0: 0o666} {
		withUmask(t, mask)
		path := filepath.Join(t.TempDir(), "m")
		require.NoError(t, save(path, "new", nil))
		require.Equal(t, want, perm(t, path))
	}
}

// TestTemporaryOfASecretIsNoMoreOpenThanIt, at any time.
func TestTemporaryOfASecretIsNoMoreOpenThanIt(t *testing.T) {
	withUmask(t, 0)
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o600))
	f, err := Create(path, nil)
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, fs.FileMode(0o600), perm(t, f.temp.name))
}

// TestModeChangedMeanwhile: the mode that counts is the one at the commit.
func TestModeChangedMeanwhile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o644))
	f, err := Create(path, nil)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o600))
	require.NoError(t, f.Commit())
	require.Equal(t, fs.FileMode(0o600), perm(t, path))
}

func TestTargetTurnedIntoADirectory(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	f, err := Create(path, nil)
	require.NoError(t, err)
	require.NoError(t, os.Mkdir(path, 0o777))
	require.ErrorContains(t, f.Commit(), "a directory")
	requireNames(t, dir, "m")
}

// TestLinksStay: the file that a link leads to is replaced, wherever it is, and the
// temporary is made beside it, not beside the link.
func TestLinksStay(t *testing.T) {
	for name, links := range map[string]map[string]string{
		"relative":                {"m": "there/real"},
		"absolute":                {"m": "ROOT/there/real"},
		"chain":                   {"m": "second", "second": "there/third", "there/third": "real"},
		"through a linked folder": {"m": "folder/real", "folder": "there"},
		"up from a linked folder": {"m": "folder/../there/real", "folder": "deep/down", "deep/there": "../there"},
	} {
		for _, before := range []string{"old", absent} {
			t.Run(name+"/"+before, func(t *testing.T) {
				root := t.TempDir()
				real := filepath.Join(root, "there", "real")
				require.NoError(t, os.MkdirAll(filepath.Join(root, "there"), 0o777))
				require.NoError(t, os.MkdirAll(filepath.Join(root, "deep", "down"), 0o777))
				if before != absent {
					require.NoError(t, os.WriteFile(real, []byte(before), 0o666))
				}
				for link, to := range links {
					if rest, ok := cutRoot(to); ok {
						to = filepath.Join(root, rest)
					}
					require.NoError(t, os.Symlink(to, filepath.Join(root, link)))
				}
				require.NoError(t, save(filepath.Join(root, "m"), "new", nil))
				require.Equal(t, "new", read(t, real))
				for link := range links {
					info, err := os.Lstat(filepath.Join(root, link))
					require.NoError(t, err)
					require.NotZero(t, info.Mode()&fs.ModeSymlink, "%s was replaced", link)
				}
			})
		}
	}
}

func cutRoot(to string) (string, bool) {
	const root = "ROOT/"
	if len(to) > len(root) && to[:len(root)] == root {
		return to[len(root):], true
	}
	return to, false
}

// TestPathIsNotCleaned: "link/.." is above where link leads.
func TestPathIsNotCleaned(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "a", "b"), 0o777))
	require.NoError(t, os.Symlink("a/b", filepath.Join(root, "link")))
	require.NoError(t, save(root+"/link/../m", "new", nil))
	require.Equal(t, "new", read(t, filepath.Join(root, "a", "m")))

	require.NoError(t, os.Symlink("../n", filepath.Join(root, "a", "b", "up")))
	require.NoError(t, save(root+"/link/up", "new", nil))
	require.Equal(t, "new", read(t, filepath.Join(root, "a", "n")), "a link counts from where it really lies")
}

func TestLoopOfLinks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, os.Symlink("m", path))
	_, err := Create(path, nil)
	require.ErrorContains(t, err, "more than 40 symbolic links")
}

func TestPipesAndDevicesAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "pipe")
	require.NoError(t, unix.Mkfifo(path, 0o666))
	_, err := Create(path, nil)
	require.ErrorContains(t, err, "not a regular file but a pipe")
	_, err = Create(os.DevNull, nil)
	require.ErrorContains(t, err, "not a regular file but a device")
	requireNames(t, dir, "pipe")
}

func TestDirectoryThatCannotBeWritten(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; TestEveryCallFails has EACCES and EROFS")
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
	require.NoError(t, os.Chmod(dir, 0o555))
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	_, err := Create(path, nil)
	require.ErrorIs(t, err, fs.ErrPermission)
	require.ErrorContains(t, err, path)
	require.Equal(t, "old", read(t, path))
}

func TestPathUnderAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(path, nil, 0o666))
	_, err := Create(filepath.Join(path, "m"), nil)
	require.ErrorIs(t, err, syscall.ENOTDIR)
}
