package retain

// This file is a second opinion: the rules again, one item at a time, as a reader would
// define them, without regard to cost.

import (
	"math"
	"time"
)

// modelKeeps says whether item i stays, of items in order. It knows no limit of bytes.
func modelKeeps(p Policy, items []Item, now time.Time, i int) bool {
	item := items[i]
	if i >= len(items)-max(p.Last, 1) || item.Pinned || item.Held {
		return true
	}
	if item.Verified && none(items[i+1:], func(o Item) bool { return o.Verified }) {
		return true
	}
	for _, b := range p.Best {
		if modelPlace(b, items, i) < b.K {
			return true
		}
	}
	if n := p.EverySteps; n > 0 && item.Step >= n && none(items[:i], func(o Item) bool { return o.Step/n == item.Step/n }) {
		return true
	}
	if d := p.Every; d > 0 && (i == 0 || !items[i-1].Time.Truncate(d).Equal(item.Time.Truncate(d))) {
		return true
	}
	for _, age := range p.Ages {
		for cut := range len(items) + 1 {
			if (i == cut-1 || i == cut) && modelMayCut(items, age, now, cut) {
				return true
			}
		}
	}
	return false
}

// modelPlace counts the steps that are better than item i; if it is none itself, very many.
func modelPlace(b Best, items []Item, i int) int {
	value := func(i int) float64 {
		if v, ok := items[i].Metrics[b.Metric]; ok && !b.Lowest {
			return -v
		} else if ok {
			return v
		}
		return math.NaN()
	}
	before := func(j, i int) bool {
		a, b := value(j), value(i)
		return a < b || a == b && (items[j].Step < items[i].Step || items[j].Step == items[i].Step && j < i)
	}
	if math.IsNaN(value(i)) {
		return math.MaxInt
	}
	better := map[int64]bool{}
	for j := range items {
		if before(j, i) {
			better[items[j].Step] = true
		}
	}
	if better[items[i].Step] {
		return math.MaxInt
	}
	return len(better)
}

// modelMayCut says whether the items before cut may be those that are old enough. One with
// nothing but later times behind it, until now, is believed to be young, and also to be old
// unless an earlier one seems to be young.
func modelMayCut(items []Item, age time.Duration, now time.Time, cut int) bool {
	is := func(m maturity) func(Item) bool {
		return func(o Item) bool {
			d := now.Sub(o.Time)
			return d >= 0 && d <= max(90*24*time.Hour, 4*age) && (d >= age) == (m == old)
		}
	}
	for i, item := range items {
		steady := !item.Time.After(now)
		for j := i; j < len(items); j++ {
			next := now
			if j+1 < len(items) {
				next = items[j+1].Time
			}
			steady = steady && !items[j].Time.After(next)
		}
		if steady && i >= cut && is(old)(item) && none(items[:i], is(young)) {
			return false
		}
		if steady && i < cut && is(young)(item) {
			return false
		}
	}
	return true
}

func none(items []Item, is func(Item) bool) bool {
	for _, item := range items {
		if is(item) {
			return false
		}
	}
	return true
}
