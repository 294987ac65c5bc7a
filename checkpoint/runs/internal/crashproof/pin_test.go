package crashproof

// This file lets a process pin a checkpoint while another one deletes it.

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// TestAPinHoldsOrIsRefused, whichever of the two processes stops before whichever of its calls while the
// other one makes all of its own.
func TestAPinHoldsOrIsRefused(t *testing.T) {
	for call, stopped := 0, true; stopped; call++ {
		s := newScene(t)
		pin := errNotOpen
		stopped = stop(s.writer, call, func() { pin = s.pin(t) }, func() { s.prune(t) })
		s.check(t, pin, fmt.Sprintf("pinned before call %d of the deletion", call))
	}
	for call, stopped := 0, true; stopped; call++ {
		s := newScene(t)
		var pin error
		stopped = stop(s.other, call, func() { s.prune(t) }, func() { pin = s.pin(t) })
		s.check(t, pin, fmt.Sprintf("deleted before call %d of the pin", call))
	}
}

// stop has p do something, and another process something else before one of its calls. It
// reports whether p made so many.
func stop(p *process, call int, other, do func()) bool {
	stopped := false
	n := 0
	p.before = func() {
		if n++; n-1 == call {
			stopped = true
			other()
		}
	}
	do()
	p.before = nil
	return stopped
}

// A process can be told to stop later than when it begins.
type process struct {
	*faulty.Process
	before func()
}

func newProcess(d *faulty.Disk) *process {
	p := &process{Process: d.Process()}
	p.Before(func(string, string) {
		if p.before != nil {
			p.before()
		}
	})
	return p
}

// A scene is a run with two checkpoints, of which the older one is to go.
type scene struct {
	disk          *faulty.Disk
	player        *player
	writer, other *process
	deleted       []store.ID
}

var older, newer = store.ID{Generation: 1, Step: 100}, store.ID{Generation: 1, Step: 200}

func newScene(t *testing.T) *scene {
	t.Helper()
	disk, l := scripts[0].stage()
	s := &scene{disk: disk, writer: newProcess(disk), other: newProcess(disk)}
	s.player = newPlayer(t.Context(), disk, s.writer, l)
	for _, step := range []step{open, save("a", older.Step), save("b", newer.Step)} {
		require.NoError(t, step(s.player))
	}
	return s
}

func (s *scene) pin(t *testing.T) error {
	t.Helper()
	r, err := store.OpenReadOnly(rootPath, options(s.other))
	require.NoError(t, err)
	defer func() { require.NoError(t, r.Close()) }()
	return r.Pin(older, "paper")
}

// prune deletes the older one, or is refused.
func (s *scene) prune(t *testing.T) {
	t.Helper()
	var err error
	s.deleted, err = s.player.store.Prune(t.Context(), []store.ID{older}, []store.ID{newer})
	if err != nil {
		require.ErrorIs(t, err, store.ErrPinned)
	}
}

// check looks at the disk as a new process does, now and after it has made order.
func (s *scene) check(t *testing.T, pin error, story string) {
	t.Helper()
	i := s.player.labels["a"]
	switch {
	case pin == nil:
		require.Empty(t, s.deleted, story)
		s.player.setPin(i, "paper", kept)
	case len(s.deleted) > 0:
		s.player.amend(i, func(r *record) { r.standing = gone })
	default:
		s.player.setPin(i, "paper", maybe)
	}
	require.NoError(t, s.player.close(), story)
	require.NoError(t, check(t.Context(), s.disk, s.player.ledger.Load()), story)
}
