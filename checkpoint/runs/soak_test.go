package runs

// This test saves for a long time, on a real disk of which now and then a call fails.

import (
	"errors"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// soakFor says how long to save: KIBISIS_SOAK, as .ci/nightly has it.
func soakFor(t *testing.T) time.Duration {
	text, ok := os.LookupEnv("KIBISIS_SOAK")
	if !ok {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err)
	return d
}

// TestSoak: one call in a hundred that changes the disk fails, and a new writer comes every hundred saves.
// What was acknowledged is restored; files and goroutines of the process and bytes on the disk do not grow.
func TestSoak(t *testing.T) {
	dir, disk := filepath.Join(t.TempDir(), "run"), newFlaky(100)
	var acknowledged int64
	var saves, failed, lives int
	var first, last holding
	for began := time.Now(); lives < 3 || time.Since(began) < soakFor(t); lives++ {
		l := newLoop(t, tensor.Float32, 1, adam())
		r, from := resumed(t, dir, disk, l)
		require.GreaterOrEqual(t, from, acknowledged)
		for step := from + 1; step <= from+100; step++ {
			l.step()
			err := r.Save(t.Context(), step, nil)
			saves++
			if err != nil {
				require.True(t, errors.Is(err, syscall.EIO) || errors.Is(err, ErrNoSpace), "%v", err)
				failed++
				continue
			}
			acknowledged = step
		}
		_ = r.Close() // it says once more what has failed
		if last = held(t, dir); lives == 0 {
			first = last
		}
	}
	// What each writer left behind would be there once for each.
	require.Less(t, last.files, first.files+(lives+1)/2)
	require.Less(t, last.goroutines, first.goroutines+(lives+1)/2)
	require.Less(t, last.bytes, 10*first.bytes)
	require.Positive(t, failed)
	t.Logf("%d saves, %d failed, %d writers, %d bytes on the disk", saves, failed, lives, last.bytes)
}

// resumed opens a run and restores it, as often as it takes.
func resumed(t *testing.T, dir string, disk fsys.FS, l *loop) (r *Run, step int64) {
	for {
		r, err := Open(dir, &Options{fs: disk, KeepLast: 2, Log: slog.New(slog.DiscardHandler)})
		if err == nil {
			var restored *Restored
			if restored, err = r.Restore(t.Context(), l.parts()...); err == nil {
				return r, restored.Step
			}
			_ = r.Close()
		}
		require.ErrorIs(t, err, syscall.EIO)
	}
}

// holding is what must not grow.
type holding struct {
	files, goroutines int
	bytes             int64
}

func held(t *testing.T, dir string) (h holding) {
	if open, err := os.ReadDir("/proc/self/fd"); err == nil {
		h.files = len(open)
	}
	h.goroutines = runtime.NumGoroutine()
	require.NoError(t, filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		h.bytes += info.Size()
		return err
	}))
	return h
}

// A flaky file system fails, with EIO and nothing done, one call in so many of those that change something.
type flaky struct {
	fsys.FS
	root fsys.Root // if it is one
	fate *fate
}

type fate struct {
	mu    sync.Mutex
	rng   *rand.Rand
	oneIn int
}

func newFlaky(oneIn int) fsys.FS {
	return &flaky{FS: fsys.OS, fate: &fate{rng: rand.New(rand.NewPCG(17, 17)), oneIn: oneIn}}
}

// or makes the call, or fails.
func (f *fate) or(call func() error) error {
	f.mu.Lock()
	fails := f.rng.IntN(f.oneIn) == 0
	f.mu.Unlock()
	if fails {
		return syscall.EIO
	}
	return call()
}

func (f *flaky) OpenRoot(name string) (fsys.Root, error) {
	root, err := f.FS.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &flaky{root, root, f.fate}, nil
}

func (f *flaky) Stat() (fs.FileInfo, error) { return f.root.Stat() }
func (f *flaky) Close() error               { return f.root.Close() }

func (f *flaky) OpenFile(name string, flag int, perm fs.FileMode) (file fsys.File, err error) {
	open := func() (err error) { file, err = f.FS.OpenFile(name, flag, perm); return err }
	if flag&os.O_CREATE != 0 {
		err = f.fate.or(open)
	} else {
		err = open()
	}
	if err != nil {
		return nil, err
	}
	return flakyFile{file, f.fate}, nil
}

func (f *flaky) Mkdir(name string, perm fs.FileMode) error {
	return f.fate.or(func() error { return f.FS.Mkdir(name, perm) })
}

func (f *flaky) RenameNew(from, to string) error {
	return f.fate.or(func() error { return f.FS.RenameNew(from, to) })
}

func (f *flaky) Remove(name string) error {
	return f.fate.or(func() error { return f.FS.Remove(name) })
}

func (f *flaky) SyncDir(name string) error {
	return f.fate.or(func() error { return f.FS.SyncDir(name) })
}

type flakyFile struct {
	fsys.File
	fate *fate
}

func (f flakyFile) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.fate.or(func() (err error) { n, err = f.File.WriteAt(p, off); return err })
	return n, err
}

func (f flakyFile) Reserve(size int64) error {
	return f.fate.or(func() error { return f.File.Reserve(size) })
}
func (f flakyFile) Sync() error { return f.fate.or(f.File.Sync) }
