package runs

// This file is which checkpoint is meant.

import (
	"fmt"
	"math"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// A Selector chooses a checkpoint. The zero Selector is the newest that is whole, and is the only one
// that falls back to an older one where the newest is damaged.
type Selector struct {
	what   string // "" for the newest
	id     string
	step   int64
	metric retainBest
	pin    string
}

type retainBest struct {
	name   string
	lowest bool
}

// AtStep chooses the newest checkpoint of that step on the run's lineage.
func AtStep(step int64) Selector { return Selector{what: "step", step: step} }

// BestBy chooses the checkpoint that is the best by a ranking, Lowest("val_loss") for one.
func BestBy(r Ranking) Selector {
	if len(r) == 0 {
		return Selector{what: "best"}
	}
	return Selector{what: "best", metric: retainBest{r[0].Metric, r[0].Lowest}}
}

// Pinned chooses the checkpoint that was pinned under that name, also one that was abandoned.
func Pinned(name string) Selector { return Selector{what: "pin", pin: name} }

// ByID chooses a checkpoint by the name of its directory, also one that was abandoned.
func ByID(id string) Selector { return Selector{what: "id", id: id} }

// LastGood chooses the newest checkpoint that is whole and finite. Only states that are finite are committed,
// so this is the newest; Rollback counts it against Options.Rollbacks.
func LastGood() Selector { return Selector{what: "good"} }

// String is the selector for messages.
func (s Selector) String() string {
	switch s.what {
	case "step":
		return fmt.Sprintf("step %d", s.step)
	case "best":
		return fmt.Sprintf("the best by %q", s.metric.name)
	case "pin":
		return fmt.Sprintf("what is pinned as %q", s.pin)
	case "id":
		return s.id
	}
	return "the newest"
}

// newest reports whether damage means to take an older one.
func (s Selector) newest() bool { return s.what == "" || s.what == "good" }

// choose finds the checkpoint among entries.
func (s Selector) choose(entries []store.Entry) (store.Entry, error) {
	_, lineage := store.Head(entries)
	var found *store.Entry
	switch s.what {
	case "step":
		found = last(lineage, func(e *store.Entry) bool { return e.Step == s.step })
		if found == nil { // damaged, perhaps: that is an error of its own
			found = last(entries, func(e *store.Entry) bool { return e.Step == s.step && e.Err != nil })
		}
	case "best":
		found = s.metric.best(lineage)
	case "pin":
		found = last(entries, func(e *store.Entry) bool { return slices.Contains(e.Pins, s.pin) })
	case "id":
		found = last(entries, func(e *store.Entry) bool { return e.String() == s.id })
	}
	if found == nil {
		return store.Entry{}, fmt.Errorf("%w: %s; there are %s", ErrNotFound, s, listed(entries))
	}
	return *found, nil
}

func last(entries []store.Entry, is func(*store.Entry) bool) (found *store.Entry) {
	for i := range entries {
		if is(&entries[i]) {
			found = &entries[i]
		}
	}
	return found
}

// best is the earliest of the best ones. NaN is never one.
func (b retainBest) best(entries []store.Entry) (found *store.Entry) {
	value := math.NaN()
	for i := range entries {
		v, ok := entries[i].Metrics()[b.name]
		f := float64(v)
		if !ok || math.IsNaN(f) {
			continue
		}
		if found == nil || b.lowest && f < value || !b.lowest && f > value {
			found, value = &entries[i], f
		}
	}
	return found
}

// listed names what there is, for messages.
func listed(entries []store.Entry) string {
	if len(entries) == 0 {
		return "none"
	}
	const most = 10
	var text string
	for i, e := range entries {
		if i == most {
			return text + fmt.Sprintf(" and %d more", len(entries)-most)
		}
		if i > 0 {
			text += ", "
		}
		text += e.String()
	}
	return text
}
