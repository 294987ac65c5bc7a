package atomicio

// These tests run on the machine's own file system. fault_test.go has the failures.

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// save writes content to path the way callers do.
func save(path, content string, o *Options) error {
	f, err := Create(path, o)
	if err != nil {
		return err
	}
	defer f.Close()
	half := len(content) / 2
	if _, err := f.WriteAt([]byte(content[half:]), int64(half)); err != nil {
		return err
	}
	if _, err := f.Write([]byte(content[:half])); err != nil {
		return err
	}
	return f.Commit()
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// requireNames checks that a directory holds these names and nothing else.
func requireNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	got := []string{}
	for _, e := range entries {
		got = append(got, e.Name())
	}
	require.ElementsMatch(t, want, got)
}

func TestNewAndReplaced(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	for _, o := range []*Options{nil, {}, {Size: 5}, {NoSync: true}} {
		require.NoError(t, save(path, "first", o))
		require.Equal(t, "first", read(t, path))
		require.NoError(t, save(path, "again", o))
		require.Equal(t, "again", read(t, path))
		requireNames(t, dir, "m")
	}
}

func TestBareNameAndEmptyFile(t *testing.T) {
	t.Chdir(t.TempDir())
	require.NoError(t, save("model.safetensors", "", nil))
	require.Empty(t, read(t, "model.safetensors"))
	require.NoError(t, save("model.safetensors", "x", nil))
	requireNames(t, ".", "model.safetensors")
}

func TestCloseWithoutCommitLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	f, err := Create(filepath.Join(dir, "m"), nil)
	require.NoError(t, err)
	_, err = f.Write([]byte("x"))
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoError(t, f.Close())
	requireNames(t, dir)

	_, err = f.Write([]byte("x"))
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, f.Commit(), fs.ErrClosed)
	requireNames(t, dir)
}

func TestCommitOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	f, err := Create(path, nil)
	require.NoError(t, err)
	require.NoError(t, f.Commit())
	require.ErrorIs(t, f.Commit(), fs.ErrClosed)
	require.NoError(t, f.Close())
	require.FileExists(t, path)
}

// TestSizeIsHeldTo: a file of another size than announced is a mistake of the caller,
// found before it replaces anything.
func TestSizeIsHeldTo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	require.NoError(t, save(path, "old", nil))
	require.ErrorContains(t, save(path, "four", &Options{Size: 3}), "4 bytes were written, 3 were announced")
	require.ErrorContains(t, save(path, "four", &Options{Size: 5}), "4 bytes were written, 5 were announced")
	require.ErrorContains(t, save(path, "four", &Options{Size: -1}), "negative")
	require.Equal(t, "old", read(t, path))
	requireNames(t, dir, "m")
}

func TestWhatIsNoFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o777))
	for path, want := range map[string]string{
		filepath.Join(dir, "sub"):            "a directory",
		dir + string(filepath.Separator):     "does not name a file",
		"":                                   "does not name a file",
		filepath.Join(dir, ".x.kibisis-tmp"): "for temporary files",
		filepath.Join(dir, "none", "m.safetensors"): "directory",
	} {
		_, err := Create(path, nil)
		require.ErrorContains(t, err, want, path)
		require.Contains(t, err.Error(), "create \""+strings.ReplaceAll(path, `\`, `\\`)+"\"")
	}
	_, err := Create(filepath.Join(dir, "none", "m"), nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	requireNames(t, dir, "sub")
	requireNames(t, filepath.Join(dir, "sub"))
}

// TestLongNames: the temporary's name must fit where the target's does.
func TestLongNames(t *testing.T) {
	dir := t.TempDir()
	for _, base := range []string{strings.Repeat("x", 255), strings.Repeat("é", 127), strings.Repeat("x", 226)} {
		path := filepath.Join(dir, base)
		require.NoError(t, save(path, "first", nil), base)
		require.NoError(t, save(path, "again", nil))
		require.Equal(t, "again", read(t, path))
		requireNames(t, dir, base)
		require.NoError(t, os.Remove(path))
	}
}

// TestMappedFileKeepsItsBytes: replacing is not writing into.
func TestMappedFileKeepsItsBytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	require.NoError(t, save(path, "old bytes", nil))
	m, err := mmap.Open(path, false)
	require.NoError(t, err)
	defer m.Close()
	if err := save(path, "new", nil); err != nil {
		require.Equal(t, "old bytes", read(t, path)) // Windows refuses
	} else {
		require.Equal(t, "new", read(t, path))
	}
	require.Equal(t, "old bytes", string(m.Bytes()))
}

// TestTwoWritersAndAReader: whoever wins, a reader sees one whole version, and neither
// writer is disturbed by the other's cleaning up.
func TestTwoWritersAndAReader(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m")
	versions := []string{strings.Repeat("a", 3000), strings.Repeat("b", 2000)}
	require.NoError(t, save(path, versions[0], nil))

	var writers sync.WaitGroup
	failed := make(chan error, 400)
	for _, content := range versions {
		writers.Go(func() {
			for range 200 {
				if err := save(path, content, &Options{NoSync: true}); err != nil {
					failed <- err
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for reading := true; reading; {
		b, err := os.ReadFile(path)
		if runtime.GOOS != "windows" { // where opening may fail while another one renames
			require.NoError(t, err)
		}
		if err == nil {
			require.Contains(t, versions, string(b))
		}
		select {
		case err := <-failed:
			require.NoError(t, err)
		case <-done:
			reading = false
		case <-time.After(time.Millisecond): // where an open file blocks the rename, leave it room
		}
	}
	require.Empty(t, failed)
	requireNames(t, dir, "m")
}

// TestWritesInParallel: what a writer of many tensors does.
func TestWritesInParallel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m")
	f, err := Create(path, &Options{Size: 64 * 1000})
	require.NoError(t, err)
	defer f.Close()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			_, err := f.WriteAt([]byte(strings.Repeat(string(rune('0'+i)), 1000)), int64(i)*1000)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, f.Commit())
	got := read(t, path)
	require.Len(t, got, 64*1000)
	for i := range 64 {
		require.Equal(t, byte('0'+i), got[i*1000])
	}
}

// TestReserve: the size may also be announced after Create.
func TestReserve(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	f, err := Create(path, nil)
	require.NoError(t, err)
	defer f.Close()
	require.ErrorContains(t, f.Reserve(-1), "negative")
	require.NoError(t, f.Reserve(4))
	_, err = f.Write([]byte("five!"))
	require.NoError(t, err)
	require.ErrorContains(t, f.Commit(), "5 bytes were written, 4 were announced")
	require.NoFileExists(t, path)
	require.ErrorIs(t, f.Reserve(4), fs.ErrClosed)
}
