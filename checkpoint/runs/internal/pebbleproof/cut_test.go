package pebbleproof

// These tests crash Pebble's disk at every call of every story.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/crashproof"
)

// A crash is one way to crash, some number of times. With 0 % of what was not synced there is but one.
type crash struct{ percent, times int }

var usual = []crash{{0, 1}, {30, 2}, {70, 2}, {100, 1}}

// changing are the calls after which a crash can leave something else.
var changing = []string{
	"open", "write", "writeat", "truncate", "sync", "syncdir", "rename", "renamenew", "link", "mkdir", "remove",
}

// A tally counts what was looked at.
type tally struct {
	moments  int // at which there was a crash
	clones   int
	twice    int // clones in which a directory had two names, of which one was taken out
	distinct int // states of disk and promises
}

func (t *tally) add(o tally) {
	t.moments += o.moments
	t.clones += o.clones
	t.twice += o.twice
	t.distinct += o.distinct
}

func (t tally) String() string {
	return fmt.Sprintf("%d moments, %d clones (%d with a directory twice), %d distinct states", t.moments, t.clones, t.twice, t.distinct)
}

// A cutter is at work while a story is told.
type cutter struct {
	ctx     context.Context
	disk    *disk
	told    *crashproof.Telling
	crashes []crash
	every   int // of so many moments one is looked at
	check   func(ctx context.Context, after *disk, found *faulty.Disk, p crashproof.Promises) error

	mu       sync.Mutex // calls may come from several goroutines
	changed  bool       // something on the disk, since the last moment
	position int        // of the promises then
	seen     *faulty.States
	moment   int
	tally    tally
	checks   *errgroup.Group
}

// cut tells a story on d, and checks what a crash can leave at each of its calls.
func (c *cutter) cut(begin func(m *crashproof.Medium) (*crashproof.Telling, error), lose func(op, name string) bool) (tally, error) {
	p := c.disk.process(nil)
	p.hooks.lose = lose
	m := &crashproof.Medium{FS: p, Load: c.disk.load, Rot: c.disk.rot}
	var err error
	if c.told, err = begin(m); err != nil {
		return c.tally, err
	}
	c.seen, c.position, c.changed = &faulty.States{}, c.told.Promised().Position(), true
	c.checks, c.ctx = errgroup.WithContext(c.ctx)
	c.checks.SetLimit(4)
	p.hooks.before = c.at
	err = c.told.Play()
	c.at("close", "the end")
	c.tally.distinct += c.seen.Len()
	if lost := c.checks.Wait(); lost != nil {
		return c.tally, lost
	}
	if err == nil && c.disk.open != 0 {
		err = fmt.Errorf("%d files are open", c.disk.open)
	}
	return c.tally, err
}

// at crashes before a call.
func (c *cutter) at(op, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	promised := c.told.Promised()
	same := !c.changed && promised.Position() == c.position
	c.changed = slices.Contains(changing, op)
	if same || c.ctx.Err() != nil {
		return
	}
	if promised.Position() != c.position {
		c.tally.distinct += c.seen.Len()
		c.seen, c.position = &faulty.States{}, promised.Position()
	}
	if c.moment++; (c.moment-1)%c.every != 0 {
		return
	}
	c.tally.moments++
	rng := rand.New(rand.NewPCG(uint64(c.moment), 5))
	for _, way := range c.crashes {
		for range way.times {
			c.crash(way.percent, rng, promised, fmt.Sprintf("%s %s (moment %d)", op, name, c.moment))
		}
	}
}

func (c *cutter) crash(percent int, rng *rand.Rand, promised crashproof.Promises, story string) {
	after, twice := c.disk.crash(percent, rng)
	c.tally.clones++
	if twice {
		c.tally.twice++
	}
	found := after.load()
	if !c.seen.Add(found) {
		return
	}
	names := after.mem.String()
	c.checks.Go(func() error {
		if err := c.ctx.Err(); err != nil {
			return err
		}
		if err := c.check(c.ctx, after, found, promised); err != nil {
			return fmt.Errorf("crash before %s with %d %% of what was not synced: %w\n%s", story, percent, err, names)
		}
		return nil
	})
}

// holds sees that what was promised is there, and that a run goes on from it.
func holds(ctx context.Context, _ *disk, found *faulty.Disk, p crashproof.Promises) error {
	return p.Check(ctx, found)
}

// tell cuts in one story.
func tell(ctx context.Context, s *crashproof.Story, c *cutter, lose func(op, name string) bool) (tally, error) {
	c.ctx, c.disk, c.every = ctx, newDisk(s.Stage), max(c.every, 1)
	if s.Heavy {
		c.every *= 8
	}
	return c.cut(func(m *crashproof.Medium) (*crashproof.Telling, error) { return s.On(ctx, m), nil }, lose)
}

// eachStory counts what is looked at in all of them.
func eachStory(t *testing.T, run func(t *testing.T, s *crashproof.Story) (tally, error)) {
	var all tally
	for _, s := range crashproof.Stories() {
		t.Run(s.Name, func(t *testing.T) {
			tally, err := run(t, &s)
			require.NoError(t, err)
			require.Positive(t, tally.distinct)
			t.Log(tally)
			all.add(tally)
		})
	}
	t.Logf("in all %s", all)
}

// TestNothingIsLost whatever Pebble's disk keeps at a crash before any call.
func TestNothingIsLost(t *testing.T) {
	eachStory(t, func(t *testing.T, s *crashproof.Story) (tally, error) {
		return tell(t.Context(), s, &cutter{crashes: usual, check: holds}, nil)
	})
}

// TestNothingIsLostInRecovery crashes once more while a new process makes order on what a crash has left.
func TestNothingIsLostInRecovery(t *testing.T) {
	eachStory(t, func(t *testing.T, s *crashproof.Story) (tally, error) {
		var mu sync.Mutex
		var all tally
		again := func(ctx context.Context, after *disk, found *faulty.Disk, p crashproof.Promises) error {
			c := cutter{ctx: ctx, disk: after, crashes: []crash{{0, 1}, {50, 1}}, every: 1, check: holds}
			tally, err := c.cut(func(m *crashproof.Medium) (*crashproof.Telling, error) { return p.Recovery(ctx, m, found) }, nil)
			mu.Lock()
			defer mu.Unlock()
			all.add(tally)
			return err
		}
		_, err := tell(t.Context(), s, &cutter{crashes: []crash{{50, 1}}, every: 23, check: again}, nil)
		return all, err
	})
}
