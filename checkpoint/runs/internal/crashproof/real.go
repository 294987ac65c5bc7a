package crashproof

// This file is the list of what is tried on a real disk.

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// A Place is a directory of a real disk, and how it is tried.
type Place struct {
	// Dir is an empty directory. What is left in it after a trial belongs to a loss.
	Dir string
	// Small is an empty directory on a small file system, which is filled up; "" for none.
	Small string
	// Seed chooses what is left to chance. Where processes race, it does not decide all.
	Seed uint64
	// LoseSyncs has files not synced, while it is said that they were: a trial of the trials.
	LoseSyncs bool
	// Child is this program, started so that it calls Child with these arguments and its standard output.
	Child func(ctx context.Context, args ...string) *exec.Cmd

	rehearsals []*rehearsal
}

// An Outcome is what came of a trial.
type Outcome struct {
	Tried int // in the unit of the trial
	Lost  []string
	Notes []string
}

// A Trial is one thing to try.
type Trial struct {
	Name, Unit string
	// Share is how much of the time it gets, beside the others.
	Share int
	// NeedsSmall says that it is for places with a small file system only.
	NeedsSmall bool

	run func(ctx context.Context, p *Place, until time.Time, o *Outcome) error
}

// Trials are all.
func Trials() []Trial {
	return []Trial{
		{Name: "killed at a call", Unit: "kills", Share: 20, run: killAtCalls},
		{Name: "killed during large saves", Unit: "kills", Share: 14, run: killLargeSaves},
		{Name: "disk full, pretended", Unit: "disks", Share: 8, run: fillPretended},
		{Name: "disk full, small mount", Unit: "disks", Share: 8, NeedsSmall: true, run: fillSmall},
		{Name: "several writers", Unit: "saves", Share: 12, run: letWritersRace},
		{Name: "flipped bits", Unit: "bits", Share: 6, run: flipBits},
		{Name: "readers against deletion", Unit: "reads", Share: 10, run: readWhileDeleting},
		{Name: "power cut, replayed", Unit: "states", Share: 30, run: replay},
	}
}

// Run tries until the time is over. A loss is no error: an error says that something could not be tried.
func (t *Trial) Run(ctx context.Context, p *Place, until time.Time) (Outcome, error) {
	var o Outcome
	err := t.run(ctx, p, until, &o)
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	if err = o.take(err); err != nil {
		err = fmt.Errorf("%s: %w", t.Name, err)
	}
	return o, err
}

// take enters err as a loss if that is what it is, and returns it otherwise.
func (o *Outcome) take(err error) error {
	var v *violation
	if !errors.As(err, &v) {
		return err
	}
	o.Lost = append(o.Lost, err.Error())
	return nil
}

func (o *Outcome) note(format string, args ...any) {
	o.Notes = append(o.Notes, fmt.Sprintf(format, args...))
}

// most is how many losses of a kind are looked for: the first one says enough.
const most = 3

// atOnce is how many trials wait for the disk at the same time, where they can.
const atOnce = 4

// repeat tries again and again, each time in a new directory below parent, which is removed unless something
// was lost there. Each of workers begins one at least.
func repeat(ctx context.Context, parent string, workers int, until time.Time, o *Outcome, try func(n int, dir string) error) error {
	var mu sync.Mutex
	n := 0
	next := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		n++
		return n - 1, (n <= workers || time.Now().Before(until)) && len(o.Lost) < most
	}
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for n, more := next(); more; n, more = next() {
				dir, err := emptied(parent)
				if err != nil {
					return err
				}
				err = try(n, dir)
				if ctx.Err() != nil {
					return context.Cause(ctx)
				}
				mu.Lock()
				o.Tried++
				err = o.leave(dir, err)
				mu.Unlock()
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// leave removes what a trial has left, unless that belongs to a loss.
func (o *Outcome) leave(dir string, err error) error {
	if err == nil {
		return removeAll(dir)
	}
	if err = o.take(err); err == nil {
		o.note("see %s", dir)
	}
	return err
}

// rehearsed are the stories, each told once on this disk.
func (p *Place) rehearsed(ctx context.Context) ([]*rehearsal, error) {
	if p.rehearsals != nil {
		return p.rehearsals, nil
	}
	var all []*rehearsal
	for _, s := range forReal() {
		dir, err := emptied(p.Dir)
		if err != nil {
			return nil, err
		}
		r, err := rehearse(ctx, dir, s, p.LoseSyncs)
		if err != nil {
			return nil, fmt.Errorf("%q, with nothing going wrong: %w", s.name, err)
		}
		if err := removeAll(dir); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	p.rehearsals = all
	return all, nil
}

func (p *Place) rng(stream uint64) *rand.Rand {
	return rand.New(rand.NewPCG(p.Seed, stream)) //nolint:gosec // it is no secret
}
