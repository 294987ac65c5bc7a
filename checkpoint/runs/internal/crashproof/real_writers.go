package crashproof

// This file lets several processes want to write one run at the same time.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// turnSize is how many bytes the checkpoints of the racing writers have.
const turnSize = 10000

// takeTurns is a writer: whenever nobody else has the run it saves a few times, and then lets go or is
// killed. args are its seed.
func takeTurns(ctx context.Context, dir string, args []string, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("a writer needs a seed")
	}
	seed, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(seed, 5)) //nolint:gosec // it is no secret
	for ctx.Err() == nil {
		s, step, err := openNewest(ctx, dir, &store.Options{AllowUnlocked: true})
		switch {
		case errors.Is(err, store.ErrLocked), errors.Is(err, store.ErrFenced):
			if _, err := fmt.Fprintln(out, "refused"); err != nil {
				return err
			}
			time.Sleep(time.Duration(rng.IntN(5)) * time.Millisecond)
			continue
		case err != nil:
			return err
		}
		if err := takeTurn(ctx, s, step, rng, out); err != nil {
			return first(err, s.Close())
		}
		if rng.IntN(4) == 0 {
			time.AfterFunc(time.Duration(rng.IntN(20))*time.Millisecond, killMe) // in the next turn
		}
		if err := s.Close(); err != nil {
			return err
		}
	}
	return nil
}

func takeTurn(ctx context.Context, s *store.Store, step int64, rng *rand.Rand, out io.Writer) error {
	b := make([]byte, turnSize)
	for range 1 + rng.IntN(3) {
		mark := rng.Int64N(1 << 31)
		fillLarge(b, mark)
		e, err := saveOnly(ctx, s, step, b)
		if errors.Is(err, store.ErrFenced) {
			return nil // somebody was allowed to take over, because there are no locks
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintln(out, "saved", e.ID, mark); err != nil {
			return err
		}
		step++
	}
	return nil
}

// raceTime is how long writers race before it is looked at what they did.
const raceTime = 2 * time.Second

// letWritersRace has two to four writers at work, round after round.
func letWritersRace(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	var saves, refused, deaths int
	rng := p.rng(5)
	err := repeat(ctx, p.Dir, 1, until, o, func(n int, dir string) error {
		r := &race{path: filepath.Join(dir, "run"), saved: map[store.ID]int64{}}
		end := time.Now().Add(min(raceTime, max(time.Until(until), raceTime/10)))
		err := r.run(ctx, p, 2+n%3, end, rng.Uint64())
		saves, refused, deaths = saves+len(r.saved), refused+r.refused, deaths+r.deaths
		return err
	})
	o.note("%d rounds of 2 to 4 writers, refused %d times, %d killed", o.Tried, refused, deaths)
	o.Tried = saves
	return err
}

// A race is one run that several want.
type race struct {
	path string

	mu              sync.Mutex
	saved           map[store.ID]int64 // acknowledged, with what was saved
	refused, deaths int
}

func (r *race) run(ctx context.Context, p *Place, writers int, end time.Time, seed uint64) error {
	var all sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		all.Go(func() {
			for n := uint64(0); errs[i] == nil && ctx.Err() == nil && time.Now().Before(end); n++ {
				errs[i] = r.one(ctx, p, end, seed+n*uint64(writers)+uint64(i)) //nolint:gosec // few
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return r.look(ctx)
}

// one is one writer's life.
func (r *race) one(ctx context.Context, p *Place, end time.Time, seed uint64) error {
	c, err := p.start(ctx, "turns", r.path, strconv.FormatUint(seed, 10))
	if err != nil {
		return err
	}
	death := time.AfterFunc(time.Until(end), func() { _ = c.cmd.Process.Kill() }) // unless it is dead already
	defer death.Stop()
	err = c.each(r.hear)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.deaths++
	return err
}

func (r *race) hear(line string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if line == "refused" {
		r.refused++
		return nil
	}
	var name string
	var mark int64
	if _, err := fmt.Sscanf(line, "saved %s %d", &name, &mark); err != nil {
		return fmt.Errorf("a writer says %q: %w", line, err)
	}
	id, ok := store.ParseID(name)
	if !ok {
		return fmt.Errorf("a writer says that it saved %q", name)
	}
	if _, twice := r.saved[id]; twice {
		return violated("I5", "two writers saved %s", id)
	}
	r.saved[id] = mark
	return nil
}

// look sees that all that was acknowledged is there, on one lineage.
func (r *race) look(ctx context.Context) error {
	s, err := store.OpenReadOnly(r.path, nil)
	if errors.Is(err, os.ErrNotExist) && len(r.saved) == 0 {
		return nil
	}
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	defer s.Close() // nothing was written through it
	entries, err := s.List()
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	_, line := store.Head(entries)
	on := map[store.ID]bool{}
	for _, e := range line {
		on[e.ID] = true
	}
	want := make([]byte, turnSize)
	for id, mark := range r.saved {
		if !on[id] {
			return violated("I5", "%s was acknowledged, and is not on the lineage of %d that is left", id, len(line))
		}
		fillLarge(want, mark)
		if err := holds(ctx, s, id, want); err != nil {
			return err
		}
	}
	return nil
}
