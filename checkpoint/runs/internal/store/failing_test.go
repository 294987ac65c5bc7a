package store

// These tests have calls of a save fail, and look at what it says.

import (
	"errors"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// everyCall saves step 400 once for each call of that name that a save makes, with a fault at that call,
// and has check look at what came of it.
func everyCall(t *testing.T, fault faulty.Fault, check func(t *testing.T, disk *faulty.Disk, e Entry, err error)) {
	t.Helper()
	for n := 0; ; n++ {
		disk := faulty.NewDisk()
		p := disk.Process()
		s := threeSaved(t, "/run", &Options{FS: p})
		before := callsOf(p, fault.Op)
		fault.Call = before + n
		p.Inject(fault)
		e, err := save(t.Context(), s, 400)
		if callsOf(p, fault.Op) <= fault.Call {
			require.NoError(t, err)
			require.NotZero(t, n, "a save makes no call of %s", fault.Op)
			_ = s.Close() // the fault may hit it
			return
		}
		check(t, disk, e, err)
		require.NoError(t, s.Close())
	}
}

func callsOf(p *faulty.Process, op string) (n int) {
	for _, call := range p.Trace() {
		if strings.HasPrefix(call, op+" ") {
			n++
		}
	}
	return n
}

// requireSaved has a new process find step 400, or not, and the others in any case.
func requireSaved(t *testing.T, disk *faulty.Disk, saved bool) {
	t.Helper()
	r, err := OpenReadOnly("/run", &Options{FS: disk.Process()})
	require.NoError(t, err)
	entries, err := r.List()
	require.NoError(t, err)
	steps := []int64{100, 200, 300, 400}
	if !saved {
		steps = steps[:3]
	}
	require.Len(t, entries, len(steps))
	for _, step := range steps {
		verify(t, r, ID{1, step})
	}
	require.NoError(t, r.Close())
}

// TestCloseIsPartOfASave: a network file system may say only then that a write failed.
func TestCloseIsPartOfASave(t *testing.T) {
	everyCall(t, faulty.Fault{Op: "close"}, func(t *testing.T, disk *faulty.Disk, _ Entry, err error) {
		require.ErrorIs(t, err, syscall.EIO)
		requireSaved(t, disk, false)
	})
}

func TestSyncIsPartOfASave(t *testing.T) {
	everyCall(t, faulty.Fault{Op: "sync"}, func(t *testing.T, disk *faulty.Disk, _ Entry, err error) {
		require.ErrorIs(t, err, syscall.EIO)
		require.NotErrorIs(t, err, ErrUnconfirmed)
		requireSaved(t, disk, false)
	})
}

// TestShortWritesAreErrors: a write that takes half of its bytes and says nothing.
func TestShortWritesAreErrors(t *testing.T) {
	everyCall(t, faulty.Fault{Op: "writeat", Kind: faulty.Short}, func(t *testing.T, disk *faulty.Disk, _ Entry, err error) {
		require.Error(t, err)
		requireSaved(t, disk, false)
	})
}

// TestAnswersThatGetLost: a rename that happened, and failed, is a rename.
func TestAnswersThatGetLost(t *testing.T) {
	everyCall(t, faulty.Fault{Op: "renamenew", Kind: faulty.FailLate}, func(t *testing.T, disk *faulty.Disk, e Entry, err error) {
		require.NoError(t, err)
		require.Equal(t, ID{1, 400}, e.ID)
		requireSaved(t, disk, true)
	})
}

// TestAnAnswerThatNobodyCanLookForIsNoFailure: the rename says that it failed, and so does looking whether it
// did. Then nobody may call the save a failed one, nor save the same step again.
func TestAnAnswerThatNobodyCanLookForIsNoFailure(t *testing.T) {
	for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailLate} {
		disk := faulty.NewDisk()
		p := disk.Process()
		s := threeSaved(t, "/run", &Options{FS: p})
		p.Inject(faulty.Fault{Op: "renamenew", Kind: kind, Call: callsOf(p, "renamenew")})
		looked := callsOf(p, "lstat")
		p.Before(func(op, _ string) {
			if op == "renamenew" {
				p.Inject(faulty.Fault{Op: "lstat", Call: callsOf(p, "lstat"), Err: syscall.EACCES})
			}
		})
		_, err := save(t.Context(), s, 400)
		require.Greater(t, callsOf(p, "lstat"), looked)
		require.ErrorIs(t, err, ErrUnconfirmed)
		require.ErrorIs(t, err, syscall.EIO)
		p.Before(nil)
		_, err = save(t.Context(), s, 400)
		require.ErrorIs(t, err, ErrStep)
		_, err = save(t.Context(), s, 500)
		require.NoError(t, err)
		require.Equal(t, kind == faulty.FailLate, slices.Contains(disk.Names("/run"), ID{1, 400}.String()))
		require.NoError(t, s.Close())
	}
}

// TestAnUnconfirmedCommitIsToldAndThere: only what is under its name, and may not last, is called that.
func TestAnUnconfirmedCommitIsToldAndThere(t *testing.T) {
	unconfirmed := 0
	everyCall(t, faulty.Fault{Op: "syncdir"}, func(t *testing.T, disk *faulty.Disk, _ Entry, err error) {
		require.ErrorIs(t, err, syscall.EIO)
		if errors.Is(err, ErrUnconfirmed) {
			unconfirmed++
		}
		requireSaved(t, disk, errors.Is(err, ErrUnconfirmed))
	})
	require.Equal(t, 1, unconfirmed, "the root is synced once")
}

// TestAFullDiskIsSeenBeforeTheData: room is taken for all files, and given back.
func TestAFullDiskIsSeenBeforeTheData(t *testing.T) {
	disk := faulty.NewDisk()
	p := disk.Process()
	s := threeSaved(t, "/run", &Options{FS: p})
	disk.SetCapacity(300 << 10)
	writes := callsOf(p, "writeat")
	_, err := s.Begin(400, map[string]int64{"a": 100 << 10, "b": 200 << 10}, 0)
	var full *SpaceError
	require.ErrorAs(t, err, &full)
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.Equal(t, int64(300<<10+manifestRoom), full.Need)
	require.Equal(t, writes, callsOf(p, "writeat"))
	_, err = save(t.Context(), s, 400)
	require.NoError(t, err, "nothing is left of it")
	requireSaved(t, disk, true)
	for step := range int64(10) {
		_, err = save(t.Context(), s, 500+step)
		require.NoError(t, err, "room that was not needed is given back")
	}
	require.NoError(t, s.Close())
}
