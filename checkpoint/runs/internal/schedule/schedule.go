// Package schedule decides when a training run is saved without being asked. At each step
// boundary the loop asks, and the answer depends on the step, on the time since the last save,
// and on what saves have cost. It has no clock, no goroutine and no files of its own.
//
// Without any rule a run is saved as often as 1 % of its time allows, but at least every 10
// minutes and at most every minute: a state that takes 2 s of training to save is saved every
// 200 s. The other rules save at multiples of a number of steps, at given steps, at growing
// steps and after so much time; a save is due when one of the rules says so.
//
// Rules of steps look at the steps since the last save, so a loop that asks only now and
// then misses none: it saves at the first step at or past each. A save that is due stays due
// until it is taken. A resumed run repeats no step that it was saved at.
package schedule

// This file is the question at a step boundary, and what it is answered from.

import (
	"math"
	"time"
)

// A Schedule is used by one goroutine at a time. Times given to it should have a monotonic
// reading, as those of time.Now have; if not, a clock that goes back counts as one that stands
// still, and one that jumps ahead as time that has passed.
type Schedule struct {
	rules Rules // with defaults
	pace  pace
	saved int64 // the step of the last save, or the one that the run began at
	next  int64 // the first one after it by a rule of steps; 0 if there is none
	why   string
	since time.Duration // from the last save to last
	last  time.Time
}

// New returns the schedule of a run that begins, or goes on, after startStep steps. Nothing
// has to be saved there.
func New(r Rules, startStep int64, now time.Time) (*Schedule, error) {
	if err := r.check(startStep); err != nil {
		return nil, err
	}
	r = r.withDefaults()
	s := &Schedule{rules: r, pace: pace{budget: r.Budget, min: r.Min, max: r.Max}}
	s.goOnFrom(startStep, now)
	return s, nil
}

func (s *Schedule) goOnFrom(step int64, now time.Time) {
	s.saved, s.since, s.last = step, 0, now
	s.next, s.why = s.rules.nextStep(step)
}

// Due reports whether the state after so many steps is to be saved, and why. It takes tens of
// nanoseconds where nothing is due.
func (s *Schedule) Due(step int64, now time.Time) (reason string, ok bool) {
	s.since = s.elapsed(now)
	s.last = now
	if step == s.saved {
		return "", false
	}
	if s.next > 0 && step >= s.next {
		return s.why, true
	}
	return s.overdue()
}

// Saved tells that the state after so many steps has been copied, for whatever reason, and what
// that has cost so far: the time by which training is later for it. A step below the last
// one, after going back, is where rules of steps go on from.
func (s *Schedule) Saved(step int64, now time.Time, cost time.Duration) {
	s.pace.saved(s.elapsed(now), max(0, cost))
	s.goOnFrom(step, now)
}

// Cost adds to the cost of the last save what became known later: the time that training lost
// to the writing beside it.
func (s *Schedule) Cost(more time.Duration) { s.pace.more(max(0, more)) }

// elapsed is the time since the last save.
func (s *Schedule) elapsed(now time.Time) time.Duration {
	return add(s.since, max(0, now.Sub(s.last)))
}

// overdue asks the rules of time.
func (s *Schedule) overdue() (reason string, ok bool) {
	if d := s.rules.Every; d > 0 && s.since >= d {
		return "every " + d.String(), true
	}
	if s.rules.Budget > 0 && s.since >= s.pace.interval() {
		return s.pace.explain(), true
	}
	return "", false
}

// add stops at the longest duration.
func add(a, b time.Duration) time.Duration {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
