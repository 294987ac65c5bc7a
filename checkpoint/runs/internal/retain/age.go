package retain

// This file is ages: the youngest checkpoint that is at least so old, by clocks that may be
// wrong.
//
// By its stored time an item is old, young, or neither: an age that is negative or absurd
// says nothing. With right clocks old ones come first, then young ones:
//
//	old old old young young young
//	         a    b
//
// a is the youngest that is old enough; b, the oldest that is not, is the one that will be.
// Both are kept, and no more are needed: b is there until it is old, then it is a, and what
// comes next in what is left is b. As soon as something is old there always is an a.
//
// A clock that was set back shows where a time is before its predecessor's. Up to there ages
// are not known; from there on they are right if the clock is right now:
//
//	? ? ? ? ? | young young young
//	a             b
//
// A right clock's a is not after the last that may be old, and its b not after the first that is
// surely young, so everything from the last that is surely old to that one is kept. It ends
// when something after the step is old. If something before the step looks young even then,
// it may be right, and the clock be behind since: that takes until it looks old, too.

import (
	"fmt"
	"slices"
	"time"
)

const (
	// maxAge bounds Policy.Ages: four times that is a duration.
	maxAge = 50 * 365 * 24 * time.Hour
	// believed is the age that a stored time may give at any rate. No run waits longer for its
	// next save. Older ones are of no interest, or from before a pause, or wrong.
	believed = 90 * 24 * time.Hour
)

// maturity is what a stored time says of an item and an age.
type maturity int

const (
	unknown maturity = iota
	young
	old
)

func maturityOf(item Item, age time.Duration, now time.Time) maturity {
	switch is := now.Sub(item.Time); {
	case is < 0 || is > max(believed, 4*age):
		return unknown
	case is < age:
		return young
	default:
		return old
	}
}

// keepAge keeps from a to b.
func keepAge(fates []*fate, age time.Duration, now time.Time) {
	from, to := boundary(fates, age, now)
	for i := from; i <= to; i++ {
		is := maturityOf(fates[i].item, age, now)
		switch {
		case i == from && i >= to-1 && is == old:
			fates[i].keep(aged, i, fmt.Sprintf("at least %s old", short(age)))
		case i == to && from >= to-1 && is == young:
			fates[i].keep(aged, i, fmt.Sprintf("the next to be %s old", short(age)))
		default:
			fates[i].keep(aged, i, fmt.Sprintf("perhaps at least %s old: stored times are in doubt", short(age)))
		}
	}
}

// boundary returns the last that is surely old and the first that is surely young; without
// such, the first and the last of all.
func boundary(fates []*fate, age time.Duration, now time.Time) (from, to int) {
	steady := sinceSetBack(fates, now)
	inDoubt := slices.ContainsFunc(fates[:steady], func(f *fate) bool { return maturityOf(f.item, age, now) == young })
	for i, f := range fates[steady:] {
		switch is := maturityOf(f.item, age, now); {
		case is == young:
			return from, steady + i
		case is == old && !inDoubt:
			from = steady + i
		}
	}
	return from, len(fates) - 1
}

// sinceSetBack returns the first item since which the clock was not seen to go back, until now.
func sinceSetBack(fates []*fate, now time.Time) int {
	next := now
	for i, f := range slices.Backward(fates) {
		if f.item.Time.After(next) {
			return i + 1
		}
		next = f.item.Time
	}
	return 0
}

// clocks warns when stored times cannot all be right.
func (p Policy) clocks(items []Item, now time.Time) []string {
	if len(p.Ages) == 0 && p.Every == 0 {
		return nil
	}
	for i, item := range items {
		if i > 0 && item.Time.Before(items[i-1].Time) {
			return []string{fmt.Sprintf("the clock went back between the checkpoints of step %d (%s) and step %d (%s): more may be kept than asked for",
				items[i-1].Step, stamp(items[i-1].Time), item.Step, stamp(item.Time))}
		}
	}
	if n := len(items); n > 0 && items[n-1].Time.After(now) {
		return []string{fmt.Sprintf("the clock says %s, before the newest checkpoint, of step %d (%s): more may be kept than asked for",
			stamp(now), items[n-1].Step, stamp(items[n-1].Time))}
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
