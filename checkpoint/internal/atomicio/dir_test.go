package atomicio

// These tests commit folders on the machine's own file system. dir_fault_test.go has the
// failures, dir_race_test.go the others who are there.

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// saveDir replaces the members of a folder.
func saveDir(path string, files map[string]string) error {
	d, err := CreateDir(path, &DirOptions{Mine: isMember})
	if err != nil {
		return err
	}
	defer d.Close()
	for name, content := range files {
		if err := saveMember(d, name, content); err != nil {
			return err
		}
	}
	return d.Commit()
}

// needExchange skips a test where folders cannot be replaced in one step.
func needExchange(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	require.NoError(t, os.Mkdir(a, 0o777))
	require.NoError(t, os.Mkdir(b, 0o777))
	err := fsys.OS.Exchange(a, b)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("folders cannot be exchanged here")
	}
	require.NoError(t, err)
}

func TestDirNewAndReplaced(t *testing.T) {
	needExchange(t)
	root := t.TempDir()
	path := filepath.Join(root, "model")
	require.NoError(t, saveDir(path, map[string]string{"a.st": "1", "b.st": "1", "index": "1"}))
	requireNames(t, path, "a.st", "b.st", "index")
	require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte("{}"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(path, "logs", "day"), 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(path, "logs", "day", "log"), []byte("log"), 0o666))
	old, err := os.Open(filepath.Join(path, "a.st"))
	require.NoError(t, err)
	defer old.Close()

	require.NoError(t, saveDir(path+"/", map[string]string{"c.st": "2", "index": "2"}))
	requireNames(t, path, "c.st", "index", "config.json", "logs")
	requireNames(t, root, "model")
	require.Equal(t, "2", read(t, filepath.Join(path, "index")))
	require.Equal(t, "{}", read(t, filepath.Join(path, "config.json")))
	require.Equal(t, "log", read(t, filepath.Join(path, "logs", "day", "log")))
	b := make([]byte, 1)
	_, err = old.ReadAt(b, 0)
	require.NoError(t, err)
	require.Equal(t, "1", string(b), "who has it open keeps it")
}

// TestDirIntoAFolderOfOthers works everywhere, with exchange or without.
func TestDirIntoAFolderOfOthers(t *testing.T) {
	root := t.TempDir()
	path := filepath.Join(root, "model")
	require.NoError(t, os.Mkdir(path, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(path, "config.json"), []byte("{}"), 0o600))
	require.NoError(t, saveDir(path, map[string]string{"a.st": "1", "index": "1"}))
	requireNames(t, path, "a.st", "index", "config.json")
	requireNames(t, root, "model")
}

func TestDirCloseLeavesNothing(t *testing.T) {
	root := t.TempDir()
	d, err := CreateDir(filepath.Join(root, "model"), nil)
	require.NoError(t, err)
	require.NoError(t, saveMember(d, "a.st", "1"))
	f, err := d.Create("b.st")
	require.NoError(t, err)
	_, err = f.Write([]byte("half"))
	require.NoError(t, err)
	require.NoError(t, d.Close())
	require.NoError(t, d.Close())
	require.NoError(t, f.Close())
	requireNames(t, root)
	_, err = d.Create("c.st")
	require.ErrorIs(t, err, fs.ErrClosed)
	require.ErrorIs(t, d.Commit(), fs.ErrClosed)
}

// TestDirNeedsAllItsFiles: one that was not committed, or was given up, is no reason to
// publish the others.
func TestDirNeedsAllItsFiles(t *testing.T) {
	for _, giveUp := range []bool{true, false} {
		root := t.TempDir()
		d, err := CreateDir(filepath.Join(root, "model"), nil)
		require.NoError(t, err)
		require.NoError(t, saveMember(d, "a.st", "1"))
		f, err := d.Create("b.st")
		require.NoError(t, err)
		if giveUp {
			require.NoError(t, f.Close())
		}
		require.ErrorContains(t, d.Commit(), `file "b.st" was not committed`)
		requireNames(t, root)
	}
}

func TestDirRefusals(t *testing.T) {
	root := t.TempDir()
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for path, want := range map[string]string{
		file:                             "not a directory but a file",
		"":                               "does not name",
		".":                              "does not name",
		root + "/..":                     "does not name",
		root + "/.x.kibisis-old/":        "for temporary files",
		filepath.Join(root, "no", "dir"): "directory",
	} {
		_, err := CreateDir(path, nil)
		require.ErrorContains(t, err, want, path)
	}
	d, err := CreateDir(filepath.Join(root, "model"), nil)
	require.NoError(t, err)
	defer d.Close()
	for _, name := range []string{"", ".", "..", "a/b", "../a", "x.kibisis-tmp", "x.kibisis-old"} {
		_, err := d.Create(name)
		require.ErrorContains(t, err, "not a name", name)
	}
	require.NoError(t, saveMember(d, "a", "1"))
	require.ErrorIs(t, saveMember(d, "a", "2"), fs.ErrExist)
}

// TestDirNeverTakesAFolder for one of the files that it replaces.
func TestDirNeverTakesAFolder(t *testing.T) {
	needExchange(t)
	path := filepath.Join(t.TempDir(), "model")
	require.NoError(t, os.MkdirAll(filepath.Join(path, "a.st", "deep"), 0o777))
	require.NoError(t, saveDir(path, map[string]string{"index": "1"}))
	require.DirExists(t, filepath.Join(path, "a.st", "deep"))
	require.ErrorContains(t, saveDir(path, map[string]string{"a.st": "1", "index": "2"}), "a.st")
	require.DirExists(t, filepath.Join(path, "a.st", "deep"))
	require.Equal(t, "1", read(t, filepath.Join(path, "index")))
}

// TestDirLargeFile goes past the page cache, as one beside a folder does.
func TestDirLargeFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "model")
	d, err := CreateDir(path, nil)
	require.NoError(t, err)
	defer d.Close()
	f, err := d.Create("a.st")
	require.NoError(t, err)
	content := make([]byte, directFrom+5)
	content[directFrom] = 1
	require.NoError(t, f.Reserve(int64(len(content))))
	_, err = f.Write(content)
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		require.True(t, f.wasDirect)
	}
	require.NoError(t, f.Commit())
	require.NoError(t, d.Commit())
	require.True(t, string(content) == read(t, filepath.Join(path, "a.st")))
}

// TestDirTwoWritersAndAReader: whoever wins, a reader finds the index and the user's file
// at any moment.
func TestDirTwoWritersAndAReader(t *testing.T) {
	needExchange(t)
	root := t.TempDir()
	path := filepath.Join(root, "model")
	require.NoError(t, saveDir(path, map[string]string{"index": "0"}))
	require.NoError(t, os.WriteFile(filepath.Join(path, "notes"), []byte("notes"), 0o666))
	var writers sync.WaitGroup
	failed := make(chan error, 100)
	for _, version := range []string{"1", "2"} {
		writers.Go(func() {
			for range 40 {
				if err := saveDir(path, map[string]string{"a.st": version, "index": version}); err != nil {
					failed <- err
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { writers.Wait(); close(done) }()
	for reading := true; reading; {
		require.Contains(t, "012", read(t, filepath.Join(path, "index")))
		require.Equal(t, "notes", read(t, filepath.Join(path, "notes")))
		select {
		case err := <-failed:
			require.NoError(t, err)
		case <-done:
			reading = false
		default:
		}
	}
	require.Empty(t, failed)
	requireNames(t, root, "model")
	requireNames(t, path, "a.st", "index", "notes")
	require.Equal(t, read(t, filepath.Join(path, "a.st")), read(t, filepath.Join(path, "index")))
}
