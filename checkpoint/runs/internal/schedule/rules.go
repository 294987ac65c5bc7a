package schedule

// This file is what a user can ask for, and the steps that it means.

import (
	"fmt"
	"math"
	"slices"
	"time"
)

const (
	defaultBudget = 0.01
	shortestWait  = time.Minute
	longestWait   = 10 * time.Minute

	defaultGrowth = 2.0
	// leastGrowth bounds the number of growing steps to a few thousand.
	leastGrowth = 1.01
)

// Rules say when a save is due. Each field's zero value means that there is no such rule;
// with no rule at all the budget has its default.
type Rules struct {
	// Budget is the part of all time that saves may cost training, between 0 and 1; 0 means
	// 0.01 if Min or Max is given or there is no other rule. The time between saves follows from
	// it and from what they cost, but is at least Min (1 minute) and at most Max (10 minutes),
	// which goes before the budget. Work at risk is at most Max and one step, when saves
	// succeed.
	Budget   float64
	Min, Max time.Duration

	EverySteps int64         // at multiples of this
	Every      time.Duration // after so much time without a save
	At         []int64       // at these steps, in any order

	// GrowStart is the first of growing steps; each next is GrowFactor (2) times the one
	// before, rounded up: 1, 2, 4, 8.
	GrowStart  int64
	GrowFactor float64
}

func (r Rules) check(startStep int64) error {
	switch {
	case startStep < 0:
		return fmt.Errorf("schedule: the run begins at step %d: want 0 or more", startStep)
	case !(r.Budget >= 0 && r.Budget < 1): // NaN is neither
		return fmt.Errorf("schedule: a lost-time budget of %v: want a part of all time, at least 0 and below 1", r.Budget)
	case r.Min < 0 || r.Max < 0:
		return fmt.Errorf("schedule: between %v and %v from save to save: want positive durations, or 0 for the default", r.Min, r.Max)
	case r.Max > 0 && r.Min > r.Max:
		return fmt.Errorf("schedule: between %v and %v from save to save: want the first no longer than the second", r.Min, r.Max)
	case r.EverySteps < 0:
		return fmt.Errorf("schedule: a save every %d steps: want a positive number, or 0 for none", r.EverySteps)
	case r.Every < 0:
		return fmt.Errorf("schedule: a save every %v: want a positive duration, or 0 for none", r.Every)
	}
	for i, step := range r.At {
		if step < 1 {
			return fmt.Errorf("schedule: a save at step %d, number %d of those given: want 1 or more", step, i)
		}
	}
	return r.checkGrowth()
}

func (r Rules) checkGrowth() error {
	switch {
	case r.GrowStart < 0:
		return fmt.Errorf("schedule: growing steps from %d on: want 1 or more, or 0 for none", r.GrowStart)
	case r.GrowFactor != 0 && r.GrowStart == 0:
		return fmt.Errorf("schedule: steps that grow by %v: want the first of them, got none", r.GrowFactor)
	case r.GrowFactor != 0 && !(r.GrowFactor >= leastGrowth && r.GrowFactor <= math.MaxFloat64):
		return fmt.Errorf("schedule: steps that grow by %v: want a number of at least %v, or 0 for %v", r.GrowFactor, leastGrowth, defaultGrowth)
	}
	return nil
}

func (r Rules) withDefaults() Rules {
	other := r.EverySteps > 0 || r.Every > 0 || len(r.At) > 0 || r.GrowStart > 0
	if r.Budget > 0 || r.Min > 0 || r.Max > 0 || !other {
		if r.Budget == 0 {
			r.Budget = defaultBudget
		}
		if r.Max == 0 {
			r.Max = max(longestWait, r.Min)
		}
		if r.Min == 0 {
			r.Min = min(shortestWait, r.Max)
		}
	}
	if r.GrowFactor == 0 {
		r.GrowFactor = defaultGrowth
	}
	r.At = slices.Compact(slices.Sorted(slices.Values(r.At)))
	return r
}

// nextStep returns the first step after saved that a rule of steps has; 0 if there is none.
func (r Rules) nextStep(saved int64) (step int64, reason string) {
	if n := r.EverySteps; n > 0 && saved <= math.MaxInt64-n {
		step, reason = saved-saved%n+n, fmt.Sprintf("every %d steps", n)
	}
	i, found := slices.BinarySearch(r.At, saved)
	if found {
		i++
	}
	if i < len(r.At) && (step == 0 || r.At[i] < step) {
		step, reason = r.At[i], fmt.Sprintf("step %d was asked for", r.At[i])
	}
	if g := r.growing(saved); g > 0 && (step == 0 || g < step) {
		step, reason = g, fmt.Sprintf("step %d of those that grow by %v", g, r.GrowFactor)
	}
	return step, reason
}

// growing returns the first of the growing steps after saved; 0 if there is none.
func (r Rules) growing(saved int64) int64 {
	if r.GrowStart == 0 {
		return 0
	}
	g := r.GrowStart
	for g <= saved {
		next := math.Ceil(float64(g) * r.GrowFactor)
		if next >= math.MaxInt64 {
			return 0
		}
		g = max(g+1, int64(next))
	}
	return g
}
