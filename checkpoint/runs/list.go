package runs

// This file is what a run has on the disk, and what people add to it.

import (
	"fmt"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// A Checkpoint describes one checkpoint, by its manifest: its files were not read.
type Checkpoint struct {
	ID           string // the name of its directory
	Step         int64
	Kind         string // why it was made: periodic, best, save, final, ...
	Time         time.Time
	Bytes        int64
	Metrics      Metrics
	Pins         []string // the names it is pinned by
	RestoredFrom string   // the checkpoint that it is a copy of
	Head         bool     // the run goes on from it
	Abandoned    bool     // the run has gone back behind it
	Err          error    // why it cannot be used: ErrDamaged, ErrNewerFormat, ErrForeign
}

// Checkpoints lists all checkpoints, oldest first.
func (r *Run) Checkpoints() ([]Checkpoint, error) {
	entries, err := r.store.List()
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	head, _ := store.Head(entries)
	list := make([]Checkpoint, len(entries))
	for i, e := range entries {
		list[i] = describe(e, head)
	}
	return list, nil
}

// Find describes one checkpoint, like Checkpoints. The zero Selector means the one that the run
// would go on from if it is whole. One that is not there is ErrNotFound.
//
// A process that uses what another one trains, a server for one, looks with Find whether there is a
// new best, and restores only then: see Restore.
func (r *Run) Find(which Selector) (Checkpoint, error) {
	entries, err := r.store.List()
	if err != nil {
		return Checkpoint{}, fmt.Errorf("runs: %w", err)
	}
	e, err := pick(entries, which)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("runs: find %s: %w", which, err)
	}
	head, _ := store.Head(entries)
	return describe(e, head), nil
}

// describe says of an entry what its manifest and that of the head say.
func describe(e store.Entry, head *store.Entry) Checkpoint {
	c := Checkpoint{ID: e.String(), Step: e.Step, Pins: e.Pins, Err: e.Err, Metrics: Metrics{}}
	for name, v := range e.Metrics() {
		c.Metrics[name] = float64(v)
	}
	if m := e.Manifest; m != nil {
		c.Kind, c.Time, c.Bytes, c.RestoredFrom = m.Kind, m.Time, m.Bytes(), m.RestoredFrom
		c.Head, c.Abandoned = head != nil && head.ID == e.ID, e.Abandoned || head != nil && !head.Manifest.OnLineage(e.ID)
	}
	return c
}

// Record adds metrics to the checkpoint of a step, for values that are known only later. They
// count for which checkpoint is the best as if they had been there from the start. It survives a
// power cut when Record returns nil. A step without a checkpoint is ErrNotFound.
func (r *Run) Record(step int64, m Metrics) error {
	if r.opts.ReadOnly {
		return fmt.Errorf("runs: record metrics of step %d: %w", step, ErrReadOnly)
	}
	e, err := r.find(AtStep(step))
	if err == nil {
		all := map[string]jsonfloat.Float{}
		for name, v := range m {
			all[name] = jsonfloat.Float(v)
		}
		err = r.store.Record(e.ID, all)
	}
	if err != nil {
		return fmt.Errorf("runs: record metrics of step %d: %w", step, err)
	}
	return nil
}

// Pin keeps a checkpoint until Unpin, under a name of small letters, digits, dots, dashes and
// underscores. No other process that has the run open minds.
func (r *Run) Pin(which Selector, name string) error {
	e, err := r.find(which)
	if err == nil {
		err = r.store.Pin(e.ID, name)
	}
	if err != nil {
		return fmt.Errorf("runs: pin %s: %w", which, err)
	}
	return nil
}

// Unpin takes a name away.
func (r *Run) Unpin(name string) error {
	e, err := r.find(Pinned(name))
	if err == nil {
		err = r.store.Unpin(e.ID, name)
	}
	if err != nil {
		return fmt.Errorf("runs: unpin %q: %w", name, err)
	}
	return nil
}

func (r *Run) find(which Selector) (store.Entry, error) {
	entries, err := r.store.List()
	if err != nil {
		return store.Entry{}, err
	}
	return pick(entries, which)
}

func pick(entries []store.Entry, which Selector) (store.Entry, error) {
	if which.newest() {
		if head, _ := store.Head(entries); head != nil {
			return *head, nil
		}
	}
	return which.choose(entries)
}
