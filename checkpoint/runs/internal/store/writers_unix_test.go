//go:build unix

package store

// These tests stop a writer, as a machine that sleeps does, and let it go on.

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/watched"
)

// withoutLocks opens a run as if the file system knew no locks.
func withoutLocks() *Options {
	return &Options{FS: watched.FS(fsys.OS, noLocks), AllowUnlocked: true}
}

// saveUnlocked saves until it is stopped.
func saveUnlocked(path string) error {
	ctx := context.Background()
	s, err := Open(path, withoutLocks())
	if err != nil {
		return err
	}
	if _, err := goOn(ctx, s); err != nil {
		return err
	}
	for step := int64(1); ; step++ {
		e, err := save(ctx, s, step)
		if err != nil {
			return err
		}
		fmt.Println(e.ID)
	}
}

// TestAWriterThatSleptIsFenced: it wakes up after another one has taken over, and changes nothing.
func TestAWriterThatSleptIsFenced(t *testing.T) {
	for round := range 8 {
		path := filepath.Join(t.TempDir(), "run")
		c := startChild(t, "save unlocked", path)
		acknowledged := []ID{}
		hear := func(line string) bool {
			id, ok := ParseID(line)
			if ok {
				acknowledged = append(acknowledged, id)
			}
			return ok
		}
		require.True(t, hear(c.line(t)))
		time.Sleep(time.Duration(round) * 1300 * time.Microsecond)
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGSTOP))
		s, err := Open(path, withoutLocks())
		require.NoError(t, err)
		_, err = goOn(t.Context(), s)
		require.NoError(t, err)
		own, err := save(t.Context(), s, 1_000_000)
		require.NoError(t, err)
		before, err := s.List()
		require.NoError(t, err)
		require.NoError(t, c.cmd.Process.Signal(syscall.SIGCONT))
		lines, err := c.lines()
		require.Error(t, err)
		for _, line := range lines[:len(lines)-1] {
			require.True(t, hear(line), line)
		}
		require.Contains(t, lines[len(lines)-1], ErrFenced.Error())
		after, err := s.List()
		require.NoError(t, err)
		require.LessOrEqual(t, len(after), len(before)+1, "it may have been about to rename one")
		requireOneLine(t, path, nil, append(acknowledged, own.ID))
		require.NoError(t, s.Close())
	}
}

// TestAWriterThatSleepsKeepsItsLock: where there are locks, nobody takes over.
func TestAWriterThatSleepsKeepsItsLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run")
	c := startChild(t, "save large", path)
	c.line(t)
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGSTOP))
	_, err := Open(path, nil)
	var locked *LockedError
	require.ErrorAs(t, err, &locked)
	require.Equal(t, c.cmd.Process.Pid, locked.Holder.PID)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, host, locked.Holder.Host)
}
