package runs

// This file restores: find a checkpoint that is whole, check everything against the live
// state, then change it.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// Restore says what the state of the run is made of, and brings the checkpoint that Options.From
// selects into it. It must be called once, before the first save; a run that is open for reading may
// be restored from as often as one likes, into other parts too: Options.From is looked up anew. A run without anything like a
// checkpoint begins at step 0: then nothing changes, and Restored.From is "".
//
// All bytes of the checkpoint are read and compared with its digests, all parts are compared with the
// live state, and only then the first one changes: after an error the live state is as it
// was, except for *checkpoint.PartialLoadError, and where the run's directory cannot be changed to
// go on from there, which the error says. What is damaged is skipped, if the newest is asked
// for, in favour of the newest before it on the lineage, is reported in Restored.Skipped, and, in a run open for
// writing, gets a name that begins with "damaged-". Damage of a checkpoint that was asked for by
// name is an error. So is everything else that keeps the newest from being read: permissions, a newer
// format, a model that differs. If checkpoints are there and none can be used, the error is
// *NoUsableError; a run never begins anew over one.
//
// A model that differs is a *checkpoint.MismatchError with all differences, and, where names
// seem to have changed, a plan to review and give to Options.Renames.
//
// Restoring anything but the newest makes the run go on from there: a copy of the checkpoint becomes the
// newest first, in a generation of its own, and those that came after it are abandoned and
// stay on the disk.
//
// Machines must exist before (making one resets batch normalisations), and must not run meanwhile.
func (r *Run) Restore(ctx context.Context, parts ...Part) (*Restored, error) {
	switch {
	case r.closed:
		return nil, errors.New("runs: restore: the run is closed")
	case r.parts != nil:
		return nil, errors.New("runs: restore: called before; see Rollback for going back")
	}
	if err := r.bind(parts); err != nil {
		return nil, fmt.Errorf("runs: restore: %w", err)
	}
	restored, err := r.restore(ctx, r.opts.From, parts)
	if err != nil {
		return nil, fmt.Errorf("runs: restore %s: %w", r.path, err)
	}
	if !r.opts.ReadOnly {
		r.parts = parts
	}
	r.seen.tell(Resumed{Restored: restored})
	return restored, nil
}

// bind checks that the parts can be told apart, and saved at all: better now than after an
// hour.
func (r *Run) bind(parts []Part) error {
	if err := checkParts(parts); err != nil {
		return err
	}
	if r.opts.ReadOnly {
		return nil // values may be made by the load
	}
	_, err := newCapture(parts, newMemo())
	return err
}

// restore is what Restore and Rollback have in common.
func (r *Run) restore(ctx context.Context, which Selector, parts []Part) (*Restored, error) {
	search := &search{r: r, which: which}
	c, err := search.find(ctx)
	if err != nil {
		return nil, err
	}
	restored := &Restored{Skipped: search.skipped, Metrics: Metrics{}}
	switch {
	case c == nil && r.parts != nil:
		return nil, fmt.Errorf("%w: nothing was saved yet", ErrNotFound)
	case c == nil:
		return restored, r.begin(ctx, restored)
	}
	defer c.Close() // nothing was written through it
	return restored, r.bring(ctx, c, parts, restored)
}

// begin begins a run without a checkpoint.
func (r *Run) begin(ctx context.Context, restored *Restored) error {
	if r.opts.MustResume {
		return ErrNothingToResume
	}
	// Better now than when there is something to compare with.
	if err := provenance.CheckIdentity(r.config, r.config, r.opts.Identity); err != nil {
		return err
	}
	if r.opts.ReadOnly {
		return nil
	}
	if _, err := r.store.GoOn(ctx, nil); err != nil {
		return err
	}
	return r.goOnFrom(restored)
}

// bring brings c into the live state, and the run to c.
func (r *Run) bring(ctx context.Context, c *store.Checkpoint, parts []Part, restored *Restored) error {
	from, err := openSaved(c, r.renames)
	if err != nil {
		return err
	}
	defer func() { _ = from.close() }() // nothing was written through it
	if err := r.compare(c, from); err != nil {
		return err
	}
	apply, err := stageAll(ctx, from, parts)
	if err != nil {
		return err
	}
	if err := apply(); err != nil {
		return err
	}
	restored.Step, restored.From, restored.Reports = c.Step, c.ID.String(), from.reports
	for name, v := range c.Metrics() {
		restored.Metrics[name] = float64(v)
	}
	for _, s := range restored.Skipped {
		restored.LostSteps = max(restored.LostSteps, s.Step-c.Step)
	}
	r.tellForgotten(from, parts)
	sortChanges(from.changes)
	restored.Changed = from.changes
	r.best = maps.Clone(from.state.Best)
	if r.best == nil {
		r.best = map[string]bestSoFar{}
	}
	if r.opts.ReadOnly {
		return nil
	}
	if err := r.settle(ctx, c, restored); err != nil {
		return fmt.Errorf("the state is that of %s now, but the run could not be made to go on from it: %w", c.ID, err)
	}
	return nil
}

// compare looks at what made the checkpoint: another run's settings are an error, other changes
// are reported.
func (r *Run) compare(c *store.Checkpoint, from *saved) error {
	var was manifestExtra
	if err := json.Unmarshal(c.Manifest.Extra, &was); err != nil {
		return fmt.Errorf("%s: %w", c.ID, err)
	}
	if len(r.opts.Identity) > 0 {
		if err := provenance.CheckIdentity(was.Config, r.config, r.opts.Identity); err != nil {
			return err
		}
	}
	from.changes = append(from.changes, provenance.Diff(was.Provenance, r.made)...)
	from.changes = append(from.changes, provenance.DiffConfig(was.Config, r.config)...)
	return nil
}

// stageAll stages all parts, and returns what brings them all in.
func stageAll(ctx context.Context, from *saved, parts []Part) (apply func() error, err error) {
	var applies []func() error
	var errs []error
	for _, p := range parts {
		apply, err := p.stage(ctx, from)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		applies = append(applies, apply)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return func() error {
		for _, apply := range applies {
			if err := apply(); err != nil {
				return err
			}
		}
		return nil
	}, nil
}

// settle sets damaged checkpoints aside, now that an older one is restored, and makes c the head.
func (r *Run) settle(ctx context.Context, c *store.Checkpoint, restored *Restored) error {
	for i := range restored.Skipped {
		s := &restored.Skipped[i]
		id, ok := store.ParseID(s.ID)
		if !ok {
			continue
		}
		name, err := r.store.SetAside(id)
		if err != nil {
			return err
		}
		s.SetAside = name
		r.seen.tell(Damaged{ID: s.ID, Reason: s.Reason, Renamed: name})
	}
	if _, err := r.store.GoOn(ctx, &c.Entry); err != nil {
		return err
	}
	return r.goOnFrom(restored)
}

// goOnFrom resets what the loop remembers.
func (r *Run) goOnFrom(restored *Restored) error {
	now := r.opts.now()
	r.step, r.metrics = restored.Step, restored.Metrics
	r.committed = restored.Step
	if restored.From == "" {
		r.committed = -1
	}
	r.durable, r.savedAt, r.waiting, r.stopped = now, now, "", false
	r.failure.forget(now)
	r.meter = newMeter()
	return r.restartSchedule(restored.Step)
}

// A search looks for the checkpoint to restore.
type search struct {
	r       *Run
	which   Selector
	skipped []Skipped
}

// maxLists is how often a reader lists a run whose writer deletes faster than it reads.
const maxLists = 32

// find returns an open checkpoint whose bytes were all read and are right; nil where the run has
// nothing like a checkpoint.
func (s *search) find(ctx context.Context) (c *store.Checkpoint, err error) {
	for range maxLists {
		var entries []store.Entry
		if entries, err = s.r.store.List(); err != nil {
			return nil, err
		}
		if !s.which.newest() {
			e, err := s.which.choose(entries)
			if err != nil {
				return nil, err
			}
			return s.open(ctx, e)
		}
		s.skipped = nil
		if c, err = s.newest(ctx, entries); !errors.Is(err, ErrNotFound) {
			return c, err
		}
		// A writer has just deleted one, so there are newer ones: look again.
	}
	return nil, err
}

// newest tries the newest, and where it is damaged those before it on its lineage. One that was deleted
// since it was listed is ErrNotFound.
func (s *search) newest(ctx context.Context, entries []store.Entry) (*store.Checkpoint, error) {
	var passed []*store.Manifest
	var abandoned []Skipped
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if e.Abandoned || !onAll(passed, e.ID) {
			abandoned = append(abandoned, Skipped{ID: e.String(), Step: e.Step, Reason: "the run has gone back behind it"})
			continue
		}
		c, err := s.open(ctx, e)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		if e.Manifest != nil {
			passed = append(passed, e.Manifest)
		}
		s.skipped = append(s.skipped, Skipped{ID: e.String(), Step: e.Step, Reason: err.Error()})
	}
	return nil, s.none(abandoned)
}

// none is the error of a run of which no checkpoint can be used; nil for one that never had any.
func (s *search) none(abandoned []Skipped) error {
	traces, err := s.r.store.Traces()
	if err != nil {
		return err
	}
	e := &NoUsableError{Path: s.r.path, Reasons: append(s.skipped, abandoned...)}
	for _, name := range traces {
		e.Reasons = append(e.Reasons, Skipped{ID: name, Reason: "was set aside, or has a name that is none of a checkpoint"})
	}
	if len(e.Reasons) == 0 {
		return nil
	}
	return e
}

// onAll reports whether a checkpoint is on the lineage of each of those that were passed over.
func onAll(passed []*store.Manifest, id store.ID) bool {
	for _, m := range passed {
		if !m.OnLineage(id) {
			return false
		}
	}
	return true
}

// open opens a checkpoint and reads all of it.
func (s *search) open(ctx context.Context, e store.Entry) (*store.Checkpoint, error) {
	if e.Err != nil {
		return nil, e.Err
	}
	c, err := s.r.store.Checkpoint(e.ID)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}
