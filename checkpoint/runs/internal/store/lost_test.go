package store

// These tests take the run away from a writer that works: its directory is moved, removed, made anew,
// or its lock is.

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// lose is the ways in which a writer can lose its run, each with what there is of it afterwards.
var lose = map[string]func(f fsys.FS, path string) (left string, err error){
	"moved": func(f fsys.FS, path string) (string, error) {
		return path + "-moved", f.Rename(path, path+"-moved")
	},
	"made anew": func(f fsys.FS, path string) (string, error) {
		if err := f.Rename(path, path+"-moved"); err != nil {
			return "", err
		}
		return path + "-moved", f.Mkdir(path, 0o777)
	},
	"another in its place": func(f fsys.FS, path string) (string, error) {
		if err := f.Rename(path, path+"-moved"); err != nil {
			return "", err
		}
		s, err := Open(path, &Options{FS: f})
		if err != nil {
			return "", err
		}
		return path + "-moved", s.Close()
	},
	"lock removed": func(f fsys.FS, path string) (string, error) {
		return path, f.Remove(filepath.Join(path, lockName))
	},
	"lock replaced": func(f fsys.FS, path string) (string, error) {
		file, err := f.OpenFile(path+"-lock", os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil {
			return "", err
		}
		if err := file.Close(); err != nil {
			return "", err
		}
		return path, f.Rename(path+"-lock", filepath.Join(path, lockName))
	},
}

// attempts are what a writer can be about to do.
var attempts = map[string]func(t *testing.T, s *Store, old Entry) error{
	"save": func(t *testing.T, s *Store, _ Entry) error {
		_, err := save(t.Context(), s, 400)
		return err
	},
	"prune": func(t *testing.T, s *Store, _ Entry) error {
		_, err := s.Prune(t.Context(), []ID{{1, 200}}, []ID{{1, 300}})
		return err
	},
	"rewind": func(t *testing.T, s *Store, old Entry) error {
		_, err := s.Rewind(t.Context(), &old)
		return err
	},
	"set aside": func(_ *testing.T, s *Store, old Entry) error {
		_, err := s.SetAside(old.ID)
		return err
	},
}

// TestAWriterThatLostItsRunStops: it says ErrFenced, again and again, and changes nothing.
func TestAWriterThatLostItsRunStops(t *testing.T) {
	for how, fn := range lose {
		for what, attempt := range attempts {
			t.Run(how+"/"+what, func(t *testing.T) {
				onEachDisk(t, func(t *testing.T, o *Options, path string) {
					skipIfFixed(t, how)
					s := threeSaved(t, path, o)
					left, err := fn(o.FS, path)
					require.NoError(t, err)
					old, err := s.Entry(ID{1, 100})
					require.NoError(t, err)
					before := tree(t, o.FS, left, path)
					require.ErrorIs(t, attempt(t, s, old), ErrFenced)
					require.ErrorIs(t, attempt(t, s, old), ErrFenced)
					require.Equal(t, before, tree(t, o.FS, left, path))
					require.NoError(t, s.Close())
				})
			})
		}
	}
}

// TestAWriterThatLosesItsRunDuringASave: what it was making is gone, and no checkpoint.
func TestAWriterThatLosesItsRunDuringASave(t *testing.T) {
	for how, fn := range lose {
		t.Run(how, func(t *testing.T) {
			onEachDisk(t, func(t *testing.T, o *Options, path string) {
				skipIfFixed(t, how)
				s := threeSaved(t, path, o)
				before := tree(t, o.FS, path)
				p, err := s.Begin(400, map[string]int64{"a": 1}, 0)
				require.NoError(t, err)
				left, err := fn(o.FS, path)
				require.NoError(t, err)
				require.NoError(t, p.Write(t.Context(), "a", Data{Bytes: []byte("a")}))
				_, err = p.Commit(t.Context(), &Manifest{})
				require.ErrorIs(t, err, ErrFenced)
				after := tree(t, o.FS, left)
				require.Subset(t, after, without(before, lockName))
				require.Subset(t, before, without(after, lockName))
				require.NoError(t, s.Close())
			})
		})
	}
}

// TestAFailedRollback: the writer does not go on as if nothing had been claimed, which would leave all
// before out of the lineage; told what to go on from, it saves as before.
func TestAFailedRollback(t *testing.T) {
	disk := faulty.NewDisk()
	p := disk.Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	p.Inject(faulty.Fault{Op: "link"})
	old, err := s.Entry(ID{1, 100})
	require.NoError(t, err)
	_, err = s.Rewind(t.Context(), &old)
	require.ErrorIs(t, err, syscall.EIO)
	_, err = save(t.Context(), s, 400)
	require.ErrorContains(t, err, "what the run goes on from")
	_, err = goOn(t.Context(), s)
	require.NoError(t, err)
	e, err := save(t.Context(), s, 400)
	require.NoError(t, err)
	for _, step := range []int64{100, 200, 300} {
		require.True(t, e.Manifest.OnLineage(ID{1, step}))
	}
	require.NoError(t, s.Close())
}

// skipIfFixed skips what Windows does not let happen: an open directory stays where it is, and so does
// a file that is locked.
func skipIfFixed(t *testing.T, how string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip(how + ": Windows does not let that happen")
	}
}

// threeSaved is a writer that has saved three checkpoints, and read back all of them.
func threeSaved(t *testing.T, path string, o *Options) *Store {
	t.Helper()
	s, err := Open(path, o)
	require.NoError(t, err)
	_, err = s.GoOn(t.Context(), nil)
	require.NoError(t, err)
	for _, step := range []int64{100, 200, 300} {
		e, err := save(t.Context(), s, step)
		require.NoError(t, err)
		verify(t, s, e.ID)
	}
	return s
}

// tree is what there is below some directories: names, and the content of files.
func tree(t *testing.T, f fsys.FS, dirs ...string) (all []string) {
	t.Helper()
	for _, dir := range dirs {
		walkTree(t, f, dir, "", &all)
	}
	return all
}

func walkTree(t *testing.T, f fsys.FS, dir, below string, all *[]string) {
	t.Helper()
	names, err := f.ReadDir(dir)
	if isMissing(err) {
		return
	}
	require.NoError(t, err)
	for _, name := range names {
		at := filepath.Join(dir, name)
		info, err := f.Lstat(at)
		require.NoError(t, err)
		text := fmt.Sprint(below, name, " ", info.Mode())
		if info.Mode().IsRegular() {
			text += fmt.Sprintf(" %x", contentOf(t, f, at))
		}
		*all = append(*all, text)
		if info.IsDir() {
			walkTree(t, f, at, below+name+"/", all)
		}
	}
}

func contentOf(t *testing.T, f fsys.FS, path string) []byte {
	t.Helper()
	file, err := f.OpenFile(path, os.O_RDONLY, 0)
	require.NoError(t, err)
	defer file.Close()
	b, err := readWhole(file, 1<<30)
	require.NoError(t, err)
	return b
}

// without leaves out the lines of one name in the top directory.
func without(tree []string, name string) (left []string) {
	for _, line := range tree {
		if len(line) <= len(name) || line[:len(name)+1] != name+" " {
			left = append(left, line)
		}
	}
	return left
}
