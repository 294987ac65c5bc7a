package retain

// This file is the rules that look at one thing: the place in order, a metric, a step, a window of
// time. Each takes the fates from the oldest to the newest, and each would keep the same
// again if asked about what it has kept.

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// keepEssential keeps what any policy keeps.
func keepEssential(fates []*fate) {
	verified := false
	for i, f := range slices.Backward(fates) {
		if i == len(fates)-1 {
			f.keep(essential, i, "newest")
		}
		if f.item.Verified && !verified {
			verified = true
			f.keep(essential, i, "newest verified")
		}
		if f.item.Pinned {
			f.keep(essential, i, "pinned")
		}
		if f.item.Held {
			f.keep(essential, i, "being read")
		}
	}
}

func keepLast(fates []*fate, n int) {
	for i := max(0, len(fates)-n); i < len(fates); i++ {
		fates[i].keep(recent, i, fmt.Sprintf("last %d", n))
	}
}

// keep keeps the best K. Taking places in one fixed order makes the answer independent of
// all that got none.
func (b Best) keep(fates []*fate) {
	ranked := slices.DeleteFunc(slices.Clone(fates), func(f *fate) bool {
		v, ok := f.item.Metrics[b.Metric]
		return !ok || math.IsNaN(v)
	})
	slices.SortStableFunc(ranked, func(x, y *fate) int {
		c := cmp.Compare(x.item.Metrics[b.Metric], y.item.Metrics[b.Metric])
		if !b.Lowest {
			c = -c
		}
		return cmp.Or(c, cmp.Compare(x.item.Step, y.item.Step))
	})
	placed := make(map[int64]bool)
	for _, f := range ranked {
		if len(placed) == b.K {
			break
		}
		if step := f.item.Step; !placed[step] {
			f.keep(best, -len(placed), fmt.Sprintf("best %d by %s: %g", b.K, b.order(), f.item.Metrics[b.Metric]))
			placed[step] = true
		}
	}
}

// unseen warns of metrics that no item has: the name may be misspelt, and nothing is kept by
// it.
func (p Policy) unseen(items []Item) []string {
	var warnings []string
	for _, b := range p.Best {
		has := func(item Item) bool { _, ok := item.Metrics[b.Metric]; return ok }
		if len(items) > 0 && !slices.ContainsFunc(items, has) {
			warnings = append(warnings, fmt.Sprintf("no checkpoint has the metric %q, so none is kept for it; there are: %s",
				b.Metric, cmp.Or(strings.Join(metricsOf(items), ", "), "none")))
		}
	}
	return warnings
}

// metricsOf is the names of all metrics, sorted.
func metricsOf(items []Item) []string {
	names := make(map[string]bool)
	for _, item := range items {
		for name := range item.Metrics {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

func keepEverySteps(fates []*fate, n int64) {
	if n <= 0 {
		return
	}
	passed := make(map[int64]bool)
	for i, f := range fates {
		if m := f.item.Step / n; m > 0 && !passed[m] {
			passed[m] = true
			f.keep(archived, i, fmt.Sprintf("every %d steps", n))
		}
	}
}

// keepEvery keeps each item whose window is not its predecessor's. A clock that went back
// enters windows again: they count again, so that no hours of training go without.
func keepEvery(fates []*fate, d time.Duration) {
	if d <= 0 {
		return
	}
	var last time.Time
	for i, f := range fates {
		window := f.item.Time.Truncate(d)
		if i == 0 || !window.Equal(last) {
			f.keep(archived, i, "every "+short(d))
		}
		last = window
	}
}

// short is a duration without zeros at its end: 24h, not 24h0m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
