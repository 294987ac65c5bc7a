package crashproof

// This file lets the stories be told to another model of a disk than ours, and what it leaves be
// checked here.

import (
	"context"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A Medium is a disk of another model.
type Medium struct {
	// FS is a process on it.
	FS fsys.FS
	// Load returns a copy of what processes see now.
	Load func() *faulty.Disk
	// Rot makes b what a file holds, now and after a power cut. No call is made for it.
	Rot func(name string, b []byte)
}

// A Story is one that can be told to a Medium.
type Story struct {
	Name  string
	Heavy bool // looking at one state takes as long as at ten of others
	// Stage is what must be on the disk before, durably.
	Stage *faulty.Disk

	script *script
	before *ledger
}

// Stories are all.
func Stories() []Story {
	var all []Story
	for i := range scripts {
		disk, l := scripts[i].stage()
		all = append(all, Story{scripts[i].name, scripts[i].heavy, disk, &scripts[i], l})
	}
	return all
}

// A Telling is a story as it is told once. Promised may be called by any goroutine, the others by one.
type Telling struct {
	script *script
	player *player
}

// On begins to tell a story to m, on which its stage must have been set.
func (s *Story) On(ctx context.Context, m *Medium) *Telling {
	return telling(ctx, s.script, m, s.before)
}

func telling(ctx context.Context, s *script, m *Medium, l *ledger) *Telling {
	p := newPlayer(ctx, nil, m.FS, l)
	p.medium = m
	return &Telling{s, p}
}

// Play tells the story. An error says that a call went wrong, or a law was violated.
func (t *Telling) Play() error { return t.script.play(t.player) }

// Stumble tells a story in which calls may fail. hit reports whether one has: from then on, what the
// program is told is compared with what is there after each step. What is open is closed in the end.
func (t *Telling) Stumble(hit func() bool) error {
	err := t.script.stumble(t.player, hit)
	_ = t.player.close() // it may be what fails
	return err
}

// Promised is what the story was promised by now.
func (t *Telling) Promised() Promises { return Promises{t.player.ledger.Load()} }

// Promises are what must hold on a disk. They do not change.
type Promises struct{ ledger *ledger }

// Position is another number for each promise made in a story.
func (p Promises) Position() int { return p.ledger.position }

// Check looks at a disk as it was found, opens the run on it, goes on, and looks again.
func (p Promises) Check(ctx context.Context, found *faulty.Disk) error {
	return check(ctx, found, p.ledger)
}

// Recovery is the story of a new process on m, which holds what found does. An error says that a law is
// violated already.
func (p Promises) Recovery(ctx context.Context, m *Medium, found *faulty.Disk) (*Telling, error) {
	seen, err := observe(ctx, found, p.ledger)
	if err != nil {
		return nil, err
	}
	return telling(ctx, &recovery, m, p.ledger.settle(seen)), nil
}
