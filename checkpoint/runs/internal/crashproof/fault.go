package crashproof

// This file has one call of a story go wrong, or that one and all after it, or two.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// A Failing says how hard to look. The zero value is for every call.
type Failing struct {
	Every int // of so many calls one fails
	From  int // the first of them, modulo Every
	Cuts  int // so many power cuts are looked at after each story
}

// errnos are what systems say when a call fails.
var errnos = []syscall.Errno{
	syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.EROFS, syscall.EACCES, syscall.EMFILE, syscall.ESTALE, syscall.EINTR,
}

// allFaults is every way in which a call goes wrong, but for reads that are wrong and do not say so.
func allFaults() []faulty.Fault {
	list := []faulty.Fault{{Kind: faulty.Short}, {Kind: faulty.Kill}}
	for _, kind := range []faulty.Kind{faulty.Fail, faulty.FailOn, faulty.FailLate} {
		for _, errno := range errnos {
			list = append(list, faulty.Fault{Kind: kind, Err: errno})
		}
	}
	return list
}

// faulted plays a script again and again, with f at one call after the other, until no call is left. It
// returns how often.
func faulted(ctx context.Context, s *script, f faulty.Fault, o Failing) (int, error) {
	if s.heavy && o.Every > 1 {
		o.Every *= 5
	}
	o.From %= max(o.Every, 1)
	var next, played atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			for {
				f := f
				f.Call = o.From + int(next.Add(1)-1)*max(o.Every, 1)
				if err := context.Cause(ctx); err != nil {
					return err
				}
				hit, err := faultedAt(ctx, s, o.Cuts, f)
				if err != nil || !hit {
					return err
				}
				played.Add(1)
			}
		})
	}
	err := group.Wait()
	return int(played.Load()), err
}

// faultedTwice plays a script so many times, each with two faults of the list, at any two calls.
func faultedTwice(ctx context.Context, s *script, list []faulty.Fault, times int, rng *rand.Rand) error {
	disk, l := s.stage()
	proc := disk.Process()
	if err := s.play(newPlayer(ctx, disk, proc, l)); err != nil {
		return err
	}
	calls := proc.Calls()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for range times {
		one, other := list[rng.IntN(len(list))], list[rng.IntN(len(list))]
		one.Call = rng.IntN(calls)
		other.Call = one.Call + 1 + rng.IntN(calls/4)
		group.Go(func() error {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			_, err := faultedAt(ctx, s, 1, one, other)
			return err
		})
	}
	return group.Wait()
}

// faultedAt plays a script with faults. It reports whether the script came to the first one's call.
func faultedAt(ctx context.Context, s *script, cuts int, faults ...faulty.Fault) (hit bool, err error) {
	disk, l := s.stage()
	proc := disk.Process()
	for _, f := range faults {
		proc.Inject(f)
	}
	p := newPlayer(ctx, disk, proc, l)
	err = s.stumble(p, func() bool { return reached(proc, faults[0]) })
	hit = reached(proc, faults[0])
	if err == nil && len(faults) == 1 { // a second one may have kept it from being removed
		err = leftBehind(disk, faults[0], callOf(proc, faults[0]))
	}
	if err == nil {
		err = afterwards(ctx, disk, p, cuts)
	}
	for _, f := range faults {
		if err != nil {
			err = fmt.Errorf("%+v at %q in %q: %w", f, cmp.Or(callOf(proc, f), "none"), s.name, err)
		}
	}
	return hit, err
}

// leftBehind sees that a save which failed has removed what there was of it, unless that was what went
// wrong.
func leftBehind(disk *faulty.Disk, f faulty.Fault, call string) error {
	if f.Kind == faulty.FailOn || f.Kind == faulty.Kill || slices.Contains([]string{"remove", "readdir"}, opOf(call)) {
		return nil
	}
	if names := rootNames(disk); count(names, tempPrefix) > 0 {
		return violated("I8", "a failed save has left %q", names)
	}
	return nil
}

// reached reports whether the fault's call was made.
func reached(p *faulty.Process, f faulty.Fault) bool { return callOf(p, f) != "" }

// callOf is the call that the fault hit, "" if there were not so many.
func callOf(p *faulty.Process, f faulty.Fault) string {
	n := 0
	for _, call := range p.Trace() {
		if f.Op != "" && opOf(call) != f.Op {
			continue
		}
		if n == f.Call {
			return call
		}
		n++
	}
	return ""
}

// stumble plays a script in which steps may fail. The program goes on after one error, as a
// training loop does, and is started anew after the second in a row. What it is told must be so at once:
// an error, if and only if the state is not there. hit reports whether something has gone wrong; before
// that, there is nothing to see.
func (s *script) stumble(p *player, hit func() bool) error {
	failed := 0
	for i, step := range s.steps {
		err := s.restarted(p, failed)
		if err == nil {
			err = step(p)
		}
		var v *violation
		switch {
		case errors.As(err, &v):
			return fmt.Errorf("step %d: %w", i, err)
		case err != nil:
			failed++
		default:
			failed = 0
		}
		if !hit() {
			continue
		}
		if _, wrong := observe(p.ctx, p.now(), p.ledger.Load()); wrong != nil {
			return fmt.Errorf("after step %d, which says %q: %w", i, fmt.Sprint(err), wrong)
		}
	}
	return nil
}

// restarted starts the program anew if it had to give up.
func (s *script) restarted(p *player, failed int) error {
	if failed < 2 {
		return nil
	}
	_ = p.close() // it has failed before
	return p.open()
}

// afterwards looks at what is left: as it is, and after power cuts.
func afterwards(ctx context.Context, disk *faulty.Disk, p *player, cuts int) error {
	l := p.ledger.Load()
	rng := rand.New(rand.NewPCG(1, 3)) //nolint:gosec // it is no secret
	for range cuts {
		if err := check(ctx, disk.Crash(rng), l); err != nil {
			return fmt.Errorf("after a power cut: %w", err)
		}
	}
	_ = p.close() // it may be what fails
	if n := disk.OpenHandles(); n != 0 {
		return violated("I9", "%d files are open", n)
	}
	if err := check(ctx, disk, l); err != nil {
		return fmt.Errorf("afterwards: %w", err)
	}
	return nil
}
