package main

// This file times rows in turns, so that whatever else the machine does meanwhile
// falls on all of them alike.

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"time"
)

// A row is one way of doing one thing. Only run is timed, by itself.
type row struct {
	group string
	name  string
	bytes int64  // that one call moves; 0 where that is not the point
	skip  string // why it is not measured, "" if it is
	few   int    // too slow for all rounds: timed in so many, without a warm-up; 0 for all

	// repeat allows several calls in one sample, for calls much shorter than the
	// clock and the scheduler can tell.
	repeat bool
	calls  int // in one sample

	counted bool   // its allocations are of interest
	allocs  uint64 // by one call, the least of all samples

	blank func() error // before a call that is checked: clears what it is to fill
	ready func() error // before each sample
	run   func(ctx context.Context, calls int) (time.Duration, error)
	check func(ctx context.Context) error // whether the call did what it says
	clean func() error                    // after each sample

	samples []time.Duration // of one call each

	// floor and ours are the rows that this one is compared with: what the machine
	// can do, and what kibisis does. Either may be the row itself.
	floor, ours *row
}

// compared sets what rows, in which both are, are compared with.
func compared(floor, ours *row, rows []*row) []*row {
	for _, r := range rows {
		r.floor, r.ours = floor, ours
	}
	return rows
}

// sampleTime is how long a sample of a row with repeat takes, about.
const sampleTime = 20 * time.Millisecond

// measure times each row once in each round. A round before the first warms up,
// and checks what the rows save and load; it is not counted.
func measure(ctx context.Context, rows []*row, rounds int, progress io.Writer) error {
	tick, done := newBar(progress, (rounds+1)*len(rows))
	defer done()
	for round := range rounds + 1 {
		// A new order each round: no row always follows the same other one. The
		// orders are the same in every run.
		for _, i := range rand.New(rand.NewPCG(uint64(round), 0)).Perm(len(rows)) {
			if err := rows[i].measure(ctx, round); err != nil {
				return fmt.Errorf("%s: %s: %w", rows[i].group, rows[i].name, err)
			}
			tick()
		}
	}
	return nil
}

func (r *row) measure(ctx context.Context, round int) error {
	if r.skip != "" || r.few > 0 && (round == 0 || round > r.few) {
		return nil
	}
	sample, err := r.sample(ctx, round == 0 || r.few > 0)
	if err != nil {
		return err
	}
	if round == 0 {
		r.calibrate(sample)
		return nil
	}
	r.samples = append(r.samples, sample)
	return nil
}

// calibrate sets how many calls make a sample, from what one takes.
func (r *row) calibrate(one time.Duration) {
	const most = 2000
	if r.repeat {
		r.calls = int(min(sampleTime/max(one, 1)+1, most))
	}
}

func (r *row) sample(ctx context.Context, checked bool) (time.Duration, error) {
	if err := context.Cause(ctx); err != nil {
		return 0, err
	}
	if checked {
		if err := call(r.blank); err != nil {
			return 0, err
		}
	}
	if err := call(r.ready); err != nil {
		return 0, err
	}
	calls := max(r.calls, 1)
	runtime.GC() // the garbage of one row is not another's cost
	before := r.mallocs()
	total, err := r.run(ctx, calls)
	r.count(before, calls)
	if err == nil && checked && r.check != nil {
		err = r.check(ctx)
	}
	if err != nil {
		return 0, err
	}
	return total / time.Duration(calls), call(r.clean)
}

// mallocs is how many allocations the process has made so far, for rows that are counted.
func (r *row) mallocs() uint64 {
	if !r.counted {
		return 0
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}

// count notes what calls have allocated since before. Others may allocate meanwhile, so
// the least is the best guess.
func (r *row) count(before uint64, calls int) {
	if n := (r.mallocs() - before) / uint64(calls); r.allocs == 0 || n < r.allocs {
		r.allocs = n
	}
}

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// timed makes a run of something that is done in this process.
func timed(f func(ctx context.Context) error) func(context.Context, int) (time.Duration, error) {
	return func(ctx context.Context, calls int) (time.Duration, error) {
		begin := time.Now()
		for range calls {
			if err := f(ctx); err != nil {
				return 0, err
			}
		}
		return time.Since(begin), nil
	}
}

// least is the shortest sample; there must be one.
func (r *row) least() time.Duration { return slices.Min(r.samples) }

// median of an even number of samples is the mean of the middle two.
func (r *row) median() time.Duration {
	s := slices.Sorted(slices.Values(r.samples))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}
