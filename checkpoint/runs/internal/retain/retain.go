// Package retain decides which checkpoints of a run are kept and which may be deleted. It
// is arithmetic on a list: no files, no clock of its own, the same answer every time.
//
// A plan is made for one lineage, of committed checkpoints with a valid manifest. What is
// damaged, unfinished or abandoned is not in the list, so it neither takes the place of a
// good one nor is ever deleted here. Each rule says what it keeps, and what no rule keeps
// may go: a further rule never deletes more. Four kinds are kept by any policy: the newest,
// the newest that was read back since its commit, those pinned, and those that somebody
// reads.
//
// # Clocks
//
// Order is (generation, step), never time. Only two rules look at stored times. An age (see
// Policy.Ages) is believed when it is neither negative nor far beyond what the rule asks for,
// and the clock was not seen to go back since. Where it is not believed, everything that a
// right clock might keep is kept, until something saved since is old enough. A clock that was
// set back, or jumped by years ahead or back, deletes nothing by age that a right one would
// keep. A jump ahead by hours looks like a pause of the training, and is believed. A window
// of time (see Policy.Every) counts again when the clock enters it again.
package retain

// This file is what is known of a checkpoint when its fate is decided.

import (
	"cmp"
	"slices"
	"time"
)

// An Item is one committed checkpoint.
type Item struct {
	Generation uint64
	Step       int64
	Time       time.Time          // of the commit, as stored; the clock may have been wrong
	Metrics    map[string]float64 // may be nil; NaN is like missing
	Pinned     bool
	Held       bool    // somebody reads it
	Verified   bool    // all its bytes were read back and checked since the commit
	Files      []Inode // for Policy.MaxBytes and Plan.Bytes; may be nil
}

// An Inode is a file, under whatever names. Checkpoints that share a file by hard links have
// the same ID for it.
type Inode struct {
	ID    uint64 // any number that no other file of the run has
	Bytes int64
}

// inOrder returns the items from the oldest to the newest, with times as they would be read
// back. Equal keys, which a run does not have, stay as they came.
func inOrder(items []Item) []Item {
	items = slices.Clone(items)
	for i := range items {
		items[i].Time = items[i].Time.Round(0) // no monotonic reading: the stored ones have none
	}
	slices.SortStableFunc(items, byOrder)
	return items
}

func byOrder(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Generation, b.Generation), cmp.Compare(a.Step, b.Step))
}
