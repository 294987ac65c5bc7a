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
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
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
	dir, disk := filepath.Join(t.TempDir(), "run"), flaky(100)
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

// changing are the calls that change a disk.
var changing = []string{"create", "mkdir", "rename", "renamenew", "link", "remove", "syncdir", "write", "writeat", "copyrange", "truncate", "reserve", "sync"}

// flaky is the system's file system, on which one call in so many of those that change something fails, with
// EIO and nothing done.
func flaky(oneIn int) fsys.FS {
	var mu sync.Mutex
	rng := rand.New(rand.NewPCG(17, 17))
	return watched.FS(fsys.OS, func(op, _ string) error {
		mu.Lock()
		defer mu.Unlock()
		if slices.Contains(changing, op) && rng.IntN(oneIn) == 0 {
			return syscall.EIO
		}
		return nil
	})
}
