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
// Where times say nothing or contradict the order,
//
//	old ? old young old ? young young
//	       a                b
//
// the boundary may be anywhere from the last old one before any young one to the first young one
// after any old one. A right clock's two are among those, so all of them are kept. The
// contradiction ends by itself: the young one that is in the way is old after that age.

import (
	"fmt"
	"time"
)

const (
	// maxAge bounds Policy.Ages: four times that is a duration.
	maxAge = 50 * 365 * 24 * time.Hour
	// believed is the age that a stored time may give at any rate. No run waits longer for its
	// next save. What is older than that, and was not just resumed, has younger ones beside it
	// that can be believed.
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
	switch is := now.Sub(item.Time.Round(0)); {
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
	known := make([]maturity, len(fates))
	for i, f := range fates {
		known[i] = maturityOf(f.item, age, now)
	}
	from, to := boundary(known)
	sure := true
	for i := from; i <= to; i++ {
		sure = sure && (i == from && known[i] == old || i == to && known[i] == young)
	}
	for i := from; i <= to; i++ {
		switch {
		case !sure:
			fates[i].keep(aged, i, fmt.Sprintf("perhaps at least %s old: stored times are in doubt", short(age)))
		case known[i] == old:
			fates[i].keep(aged, i, fmt.Sprintf("at least %s old", short(age)))
		default:
			fates[i].keep(aged, i, fmt.Sprintf("the next to be %s old", short(age)))
		}
	}
}

// boundary returns a and b. It asks for no more than one pass, so that each item has one
// place in the argument above.
func boundary(known []maturity) (from, to int) {
	anyYoung := false
	to = -1
	for i, k := range known {
		switch {
		case k == old:
			to = -1
			if !anyYoung {
				from = i
			}
		case k == young:
			anyYoung = true
			if to < 0 {
				to = i
			}
		}
	}
	if to < 0 {
		to = len(known) - 1
	}
	return from, to
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
