package fsys_test

// These tests are about directories as file systems of their own, on this machine.

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

func openRoot(t *testing.T, name string) fsys.Root {
	t.Helper()
	r, err := fsys.OS.OpenRoot(name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

func put(t *testing.T, disk fsys.FS, name, text string) {
	t.Helper()
	f, err := disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	require.NoError(t, err)
	_, err = f.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// TestRootStaysTheDirectory: whoever renames it, or makes another in its place, does not
// move the one who has it open.
func TestRootStaysTheDirectory(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a directory that is open cannot be renamed")
	}
	path := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(path, 0o755))
	r := openRoot(t, path)
	require.NoError(t, os.Rename(path, path+".old"))
	require.NoError(t, os.Mkdir(path, 0o755))

	put(t, r, "a", "a")
	require.NoError(t, r.Mkdir("d", 0o755))
	require.NoError(t, r.RenameNew("a", "d/b"))
	put(t, r, "c", "c")
	if err := r.Exchange("c", "d/b"); !errors.Is(err, errors.ErrUnsupported) {
		require.NoError(t, err)
		require.NoError(t, r.Exchange("d/b", "c"))
	}
	require.NoError(t, r.SyncDir("d"))
	require.NoError(t, r.SyncDir("."))
	require.NoFileExists(t, filepath.Join(path, "c"))
	got, err := os.ReadFile(filepath.Join(path+".old", "d", "b"))
	require.NoError(t, err)
	require.Equal(t, "a", string(got))

	own, err := r.Stat()
	require.NoError(t, err)
	now, err := fsys.OS.Lstat(path)
	require.NoError(t, err)
	require.False(t, r.SameFile(own, now), "this is how the other directory is told")
	moved, err := fsys.OS.Lstat(path + ".old")
	require.NoError(t, err)
	require.True(t, r.SameFile(own, moved))
}

// TestNoNameLeadsOutOfARoot, by whichever call.
func TestNoNameLeadsOutOfARoot(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(dir, "outside")
	require.NoError(t, os.WriteFile(outside, []byte("x"), 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o755))
	r := openRoot(t, filepath.Join(dir, "run"))
	put(t, r, "in", "in")
	names := []string{outside, "../outside", "none/../../outside", ""}
	if err := r.Symlink("..", "link"); err == nil {
		names = append(names, "link/outside")
	}
	for _, name := range names {
		for call, err := range map[string]error{
			"open":      errorOf(r.OpenFile(name, os.O_RDONLY, 0)),
			"create":    errorOf(r.OpenFile(name+"2", os.O_RDWR|os.O_CREATE, 0o666)),
			"lstat":     errorOf(r.Lstat(name)),
			"opendir":   errorOf(r.OpenDir(name)),
			"openroot":  errorOf(r.OpenRoot(name)),
			"readdir":   errorOf(r.ReadDir(name)),
			"free":      errorOf(r.Free(name)),
			"mkdir":     r.Mkdir(name+"2", 0o755),
			"remove":    r.Remove(name),
			"rename":    r.Rename("in", name),
			"steal":     r.Rename(name, "in2"),
			"renamenew": r.RenameNew("in", name+"2"),
			"exchange":  r.Exchange("in", name),
			"link":      r.Link(name, "in2"),
			"symlink":   r.Symlink("in", name+"2"),
		} {
			if name == "" && (call == "create" || call == "mkdir" || call == "renamenew" || call == "symlink") {
				continue // "2" is a good name
			}
			require.Error(t, err, "%s %q", call, name)
		}
	}
	names, err := fsys.OS.ReadDir(dir)
	require.NoError(t, err)
	require.Equal(t, []string{"outside", "run"}, names)
}

func errorOf[T any](_ T, err error) error { return err }

func TestOpenRootIsForDirectories(t *testing.T) {
	dir := t.TempDir()
	put(t, fsys.OS, filepath.Join(dir, "f"), "f")
	r := openRoot(t, dir)
	for name, open := range map[string]func(string) (fsys.Root, error){
		"by path": func(name string) (fsys.Root, error) { return fsys.OS.OpenRoot(filepath.Join(dir, name)) },
		"in root": r.OpenRoot,
	} {
		got, err := open("f")
		require.Error(t, err, name)
		require.True(t, got == nil, "an error came with a typed nil")
		_, err = open("none")
		require.ErrorIs(t, err, os.ErrNotExist, name)
	}
	sub, err := r.OpenRoot(".")
	require.NoError(t, err)
	require.NoError(t, sub.Close())
	_, err = sub.ReadDir(".")
	require.ErrorIs(t, err, os.ErrClosed)
	names, err := r.ReadDir(".")
	require.NoError(t, err)
	require.Equal(t, []string{"f"}, names)
}

// TestDirectWritesInARoot go where others do.
func TestDirectWritesInARoot(t *testing.T) {
	r := openRoot(t, t.TempDir())
	put(t, r, "f", "")
	f, align, err := r.OpenDirect("f", os.O_WRONLY)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no direct writes here")
	}
	require.NoError(t, err)
	b, free, err := fsys.NewBuffer(align)
	require.NoError(t, err)
	_, err = f.WriteAt(b, int64(align))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, free())
	info, err := r.Lstat("f")
	require.NoError(t, err)
	require.Equal(t, int64(2*align), info.Size())
}

func TestFree(t *testing.T) {
	dir := t.TempDir()
	r := openRoot(t, dir)
	byPath, err := fsys.OS.Free(dir)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("no such call on this system")
	}
	require.NoError(t, err)
	require.Positive(t, byPath)
	put(t, r, "f", "f")
	inRoot, err := r.Free("f")
	require.NoError(t, err)
	require.InEpsilon(t, float64(byPath), float64(inRoot), 0.5)
	_, err = r.Free("none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestRenameNewInARootReplacesNothing, be it a file or a directory, here or one below.
func TestRenameNewInARootReplacesNothing(t *testing.T) {
	r := openRoot(t, t.TempDir())
	put(t, r, "file", "file")
	put(t, r, "other", "other")
	for _, dir := range []string{"dir", "empty"} {
		require.NoError(t, r.Mkdir(dir, 0o755))
	}
	put(t, r, "dir/f", "in dir")
	for _, old := range []string{"file", "dir"} {
		for _, taken := range []string{"other", "empty", "dir/f"} {
			require.Error(t, r.RenameNew(old, taken), "%s to %s", old, taken)
		}
	}
	require.ErrorIs(t, r.RenameNew("file", "dir/f"), os.ErrExist)
	require.ErrorIs(t, r.RenameNew("dir", "empty"), os.ErrExist)
	require.ErrorIs(t, r.RenameNew("none", "new"), os.ErrNotExist)
	require.NoError(t, r.RenameNew("dir", "moved"))
	require.NoError(t, r.RenameNew("file", "moved/g"))
	require.NoError(t, r.RenameNew("moved", "empty/d"))
	for dir, want := range map[string][]string{".": {"empty", "other"}, "empty": {"d"}, "empty/d": {"f", "g"}} {
		names, err := r.ReadDir(dir)
		require.NoError(t, err)
		require.Equal(t, want, names, dir)
	}
}
