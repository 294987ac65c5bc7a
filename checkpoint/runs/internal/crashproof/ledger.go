package crashproof

// This file is what the store has promised, kept outside the store: each state that was
// passed to it, and what it said about it since.

import (
	"fmt"
	"maps"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// standing is what has become of a state that was passed to save.
type standing int

const (
	maybe standing = iota // a call is at work, or did not say for certain: there or not, but whole
	kept                  // acknowledged: it must be there
	gone                  // refused, or deleted and that acknowledged: it must not be there
)

func (s standing) String() string { return []string{"may be there", "kept", "gone"}[s] }

// A record is one state that was passed to save.
type record struct {
	id       store.ID // Generation 0: not known before it was acknowledged, and then above above
	above    uint64
	state    state
	origin   []int // the numbers of the records on its lineage before it, oldest first
	standing standing
	damaged  string              // the file of which a byte was changed on the disk, "" if none was
	aside    standing            // of its name that begins with "damaged-"
	pins     map[string]standing // by name; replaced, never changed
	metrics  map[string]promise  // recorded after the commit; replaced, never changed
}

// A promise is a number that is kept, or one that was on the way to replace it.
type promise struct {
	kept, coming *float64
}

func (p promise) allows(v float64, there bool) bool {
	if !there {
		return p.kept == nil
	}
	return p.kept != nil && *p.kept == v || p.coming != nil && *p.coming == v
}

// is reports whether a checkpoint of that name can be the record's.
func (r *record) is(id store.ID) bool {
	if r.id.Generation == 0 {
		return id.Step == r.id.Step && id.Generation > r.above
	}
	return r.id == id
}

func (r *record) String() string {
	return fmt.Sprintf("%s (state %d, %s)", r.id, r.state.serial, r.standing)
}

// A ledger is what was promised by some moment. It does not change: what comes next is in the next
// one.
type ledger struct {
	position int // how many came before
	records  []record
	line     []int               // the numbers of those on the present lineage, oldest first
	evidence map[string]evidence // by name; replaced, never changed
	foreign  map[string][]byte   // files that are not the run's, by path; never changed
}

// evidence is a state that was kept for people to look at.
type evidence struct {
	state    state
	standing standing
}

// next is a ledger with a change.
func (l *ledger) next(change func(*ledger)) *ledger {
	n := &ledger{l.position + 1, slices.Clone(l.records), l.line, l.evidence, l.foreign}
	change(n)
	return n
}

// add enters a record, and returns its number.
func (l *ledger) add(r record) int {
	r.aside = gone
	l.records = append(l.records, r)
	return len(l.records) - 1
}

// newest is the number of the record that a run must go on from if nothing newer is there: the
// last on the lineage that is kept and good. It is -1 where there is none.
func (l *ledger) newest() int {
	for _, i := range slices.Backward(l.line) {
		if r := &l.records[i]; r.standing == kept && r.damaged == "" {
			return i
		}
	}
	return -1
}

// mayHead reports whether a run may go on from record i: the newest or one after it.
func (l *ledger) mayHead(i int) bool {
	newest := l.newest()
	switch at := slices.Index(l.line, newest); {
	case i == newest:
		return true
	case l.records[i].standing != maybe || l.records[i].damaged != "":
		return false
	case slices.Contains(l.line[at+1:], i):
		return true
	}
	return !slices.Contains(l.line, i) && i > newest
}

// lineage is the lineage of a run with record i at its head.
func (l *ledger) lineage(i int) []int {
	if i < 0 {
		return nil
	}
	return append(slices.Clone(l.records[i].origin), i)
}

// find returns the record that a checkpoint with that name and content is, -1 for none that may be
// there. One that is known by its name comes before one that is not.
func (l *ledger) find(id store.ID, s state) int {
	found := -1
	for i := range l.records {
		r := &l.records[i]
		if !r.is(id) || r.standing == gone || !r.state.equal(s) {
			continue
		}
		if r.id == id {
			return i
		}
		found = i
	}
	return found
}

// damaged returns the number of the record that was damaged on the disk, -1 if that checkpoint was not.
func (l *ledger) damaged(id store.ID) int {
	return slices.IndexFunc(l.records, func(r record) bool { return r.damaged != "" && r.is(id) && r.standing != gone })
}

// settle says of all that may or may not be that it is as it is, which is how a boot leaves it.
func (l *ledger) settle(v view) *ledger {
	return l.next(func(l *ledger) {
		for i := range l.records {
			r := &l.records[i]
			if s, there := v.records[i]; there {
				r.settle(s)
				continue
			}
			r.standing = gone
			if r.aside == maybe {
				r.aside = kept
			}
		}
		l.line = l.lineage(v.head)
	})
}

// A sighting is a checkpoint as it was found.
type sighting struct {
	id      store.ID
	pins    []string
	metrics map[string]float64
}

func (r *record) settle(s sighting) {
	r.id, r.standing, r.aside = s.id, kept, gone
	r.pins, r.metrics = maps.Clone(r.pins), maps.Clone(r.metrics)
	for name := range r.pins {
		r.pins[name] = gone
		if slices.Contains(s.pins, name) {
			r.pins[name] = kept
		}
	}
	for name := range r.metrics {
		if v, there := s.metrics[name]; there {
			r.metrics[name] = promise{kept: &v}
		}
	}
}
