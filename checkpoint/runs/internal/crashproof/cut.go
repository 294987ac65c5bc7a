package crashproof

// This file cuts the power at every call of a story.

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A Cutting says how hard to look.
type Cutting struct {
	// Max is the most states of the disk that are looked at per moment and model: all if there are
	// no more, else random ones.
	Max int
	// Torn is of how many more states per moment each block that was not synced is old, new, zero,
	// junk or torn between two sectors, whatever the others are.
	Torn int
	// Every is of how many moments one is looked at, From the first of them. 0 is 1.
	Every, From int
	// Until, if not zero, ends it early: it is no failure.
	Until time.Time
}

// wants reports whether moment i is one to look at.
func (o *Cutting) wants(i int) bool {
	return (i-o.From)%max(o.Every, 1) == 0 && (o.Until.IsZero() || time.Now().Before(o.Until))
}

// A Report counts what was looked at.
type Report struct {
	Moments int // at which the power was cut
	States  int // of disk and promises, distinct
}

// cutter is at work while a script plays.
type cutter struct {
	ctx     context.Context
	stop    context.CancelCauseFunc
	options Cutting
	disk    *faulty.Disk
	player  *player
	script  string

	mu       sync.Mutex // calls may come from several goroutines
	position int        // of the ledger, when last cut
	same     bool       // nothing has changed on the disk since
	seen     *faulty.States
	report   Report

	jobs chan job
}

// A job is a disk to check.
type job struct {
	disk   *faulty.Disk
	ledger *ledger
	story  string
}

// cut plays a script, and at each of its calls checks what a power cut can leave.
func cut(ctx context.Context, s *script, o Cutting) (Report, error) {
	disk, l := s.stage()
	return cutFrom(ctx, disk, l, s, o, check)
}

// cutFrom is cut on a disk that is there already.
func cutFrom(ctx context.Context, disk *faulty.Disk, l *ledger, s *script, o Cutting,
	check func(context.Context, *faulty.Disk, *ledger) error,
) (Report, error) {
	if s.heavy {
		o.Max = max(o.Max/10, 1)
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	proc := disk.Process()
	c := &cutter{
		ctx: ctx, stop: stop, options: o, disk: disk, script: s.name, position: -1, seen: &faulty.States{},
		player: newPlayer(ctx, disk, proc, l), jobs: make(chan job, 64),
	}
	proc.Before(c.moment)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() { c.work(check) })
	}
	err := s.play(c.player)
	c.moment("close", "the end")
	c.report.States += c.seen.Len()
	close(c.jobs)
	workers.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	return c.report, err
}

// play plays a script in which nothing goes wrong.
func (s *script) play(p *player) error {
	for i, step := range s.steps {
		if err := step(p); err != nil {
			return fmt.Errorf("step %d of %q: %w", i, s.name, err)
		}
	}
	return nil
}

func (c *cutter) work(check func(context.Context, *faulty.Disk, *ledger) error) {
	for j := range c.jobs {
		if c.ctx.Err() != nil {
			continue
		}
		if err := check(c.ctx, j.disk, j.ledger); err != nil {
			c.stop(fmt.Errorf("power cut in %q, before %s: %w", c.script, j.story, err))
		}
	}
}

// moment cuts the power before a call.
func (c *cutter) moment(op, name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := c.player.ledger.Load()
	same := c.same && l.position == c.position
	c.same = op != "open" && slices.Contains(harmless, op)
	if same {
		return
	}
	if l.position != c.position {
		c.report.States += c.seen.Len()
		c.seen = &faulty.States{}
	}
	c.position = l.position
	c.report.Moments++
	if c.ctx.Err() != nil || !c.options.wants(c.report.Moments-1) {
		return
	}
	story := fmt.Sprintf("%s %s (moment %d)", op, name, c.report.Moments)
	for _, model := range []faulty.Model{faulty.Adversarial, faulty.Ordered} {
		cuts := c.disk.Cuts(faulty.CutOptions{Model: model, Max: c.options.Max, RNG: c.rng(int(model)), Seen: c.seen})
		for after := range cuts {
			c.jobs <- job{after, l, story}
		}
	}
	rng := c.rng(-1)
	for range c.options.Torn {
		if after := c.disk.Crash(rng); c.seen.Add(after) {
			c.jobs <- job{after, l, story}
		}
	}
}

// rng is another one for each moment and use.
func (c *cutter) rng(use int) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(c.report.Moments), uint64(use))) //nolint:gosec // it is no secret
}
