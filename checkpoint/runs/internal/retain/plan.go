package retain

// This file is the plan: what each rule keeps, put together.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A Plan is what a policy would do, for a dry run as well as for doing it.
type Plan struct {
	Keep, Delete []Verdict // every item is in one of them; both from the oldest to the newest
	Warnings     []string  // one line each
	Bytes        int64     // of what is kept, each file once
	Freed        int64     // by the deletions: files that nothing kept shares
}

// A Verdict is an item with the reasons for its fate, one short line each; there is at least
// one.
type Verdict struct {
	Item    Item
	Reasons []string
}

// Plan says which of the items of one lineage stay. now is by the clock that the times of
// saves come from. The policy must have passed Check. Neither p nor items are changed; the
// plan shares the maps and slices of the items.
func (p Policy) Plan(items []Item, now time.Time) Plan {
	all := inOrder(items)
	plan := Plan{Warnings: append(p.unseen(all), p.clocks(all, now)...)}
	for left := all; ; {
		kept, unwanted := split(apply(p, left, now))
		plan.dismiss(unwanted, func(*fate) string { return "no rule keeps it" })
		stay, gone := fit(kept, p.MaxBytes)
		plan.dismiss(gone, func(f *fate) string {
			return fmt.Sprintf("beyond %d bytes; else kept: %s", p.MaxBytes, strings.Join(f.reasons, ", "))
		})
		if len(gone) == 0 {
			for _, f := range kept {
				plan.Keep = append(plan.Keep, Verdict{Item: f.item, Reasons: f.reasons})
			}
			break
		}
		left = stay // what was there for the sake of what is gone has no reason any more
	}
	slices.SortStableFunc(plan.Delete, func(a, b Verdict) int { return byOrder(a.Item, b.Item) })
	plan.count(p.MaxBytes)
	return plan
}

// dismiss notes items as deleted.
func (plan *Plan) dismiss(fates []*fate, why func(*fate) string) {
	for _, f := range fates {
		plan.Delete = append(plan.Delete, Verdict{Item: f.item, Reasons: []string{why(f)}})
	}
}

// count fills in the bytes, and warns when they are too many.
func (plan *Plan) count(limit int64) {
	var used usage
	for _, v := range plan.Keep {
		used.add(v.Item)
	}
	plan.Bytes = used.bytes
	for _, v := range plan.Delete {
		used.add(v.Item)
	}
	plan.Freed = used.bytes - plan.Bytes
	if limit > 0 && plan.Bytes > limit {
		plan.Warnings = append(plan.Warnings, fmt.Sprintf(
			"%d bytes are kept, more than the limit of %d: what is left is the newest, the newest verified, pinned or being read",
			plan.Bytes, limit))
	}
}

// A fate is an item with what the rules say of it.
type fate struct {
	item    Item
	rank    rank // the highest of all reasons
	reasons []string
}

// A rank orders what is kept by what goes last when there is no room. Higher stays longer.
type rank struct {
	class class
	place int // within a class
}

type class int

const (
	dispensable class = iota // no rule keeps it
	archived                 // EverySteps, Every
	aged
	best
	recent
	essential // kept by any policy
)

func (a rank) compare(b rank) int {
	return cmp.Or(cmp.Compare(a.class, b.class), cmp.Compare(a.place, b.place))
}

func (f *fate) keep(c class, place int, reason string) {
	if r := (rank{class: c, place: place}); r.compare(f.rank) > 0 {
		f.rank = r
	}
	f.reasons = append(f.reasons, reason)
}

// split parts what some rule keeps from what none does.
func split(fates []*fate) (kept, unwanted []*fate) {
	for _, f := range fates {
		if f.rank.class == dispensable {
			unwanted = append(unwanted, f)
		} else {
			kept = append(kept, f)
		}
	}
	return kept, unwanted
}

// apply asks every rule but MaxBytes. The items are in order, and so are the fates.
func apply(p Policy, items []Item, now time.Time) []*fate {
	fates := make([]*fate, len(items))
	for i, item := range items {
		fates[i] = &fate{item: item, reasons: make([]string, 0, 2)}
	}
	keepEssential(fates)
	keepLast(fates, p.Last)
	for _, b := range p.Best {
		b.keep(fates)
	}
	for _, age := range p.Ages {
		keepAge(fates, age, now)
	}
	keepEverySteps(fates, p.EverySteps)
	keepEvery(fates, p.Every)
	return fates
}
