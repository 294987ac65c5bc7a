package runs

// This file is a save from its copy to the end: what the loop waits for, and what the
// background does.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// A flight is one save. Until done is closed, all but began is the background's.
type flight struct {
	r       *Run
	kind    string
	metrics Metrics
	sn      *snapshot
	pending *store.Pending
	bad     notFinite

	began, reserved, copied time.Time // the loop's part
	written, durable, ended time.Time
	entry                   store.Entry
	pruned                  *Pruned
	err                     error
	done                    chan struct{}
}

// manifestExtra is what a manifest has beside what the store knows.
type manifestExtra struct {
	Provenance provenance.Provenance `json:"provenance"`
	Config     provenance.Config     `json:"config,omitzero"`
}

func (f *flight) step() int64 {
	if f.sn == nil {
		return -1
	}
	return f.sn.step
}

// blocked is the time that the loop has waited.
func (f *flight) blocked() time.Duration { return max(0, f.copied.Sub(f.began)) }

// prepare reserves the room and copies the state, on the loop's goroutine.
func (f *flight) prepare(ctx context.Context) error {
	c, err := newCapture(f.r.parts)
	if err != nil {
		return err
	}
	if f.sn, err = f.r.snaps.plan(c, f.r.step, f.r.best); err != nil {
		return err
	}
	if f.pending, err = f.reserve(ctx); err != nil {
		return err
	}
	f.reserved = f.r.opts.now()
	if err := f.sn.fill(ctx); err != nil {
		return errors.Join(err, f.pending.Close())
	}
	f.copied = f.r.opts.now()
	return nil
}

// reserve begins the checkpoint. Where the disk is full, what the policy does not keep is deleted, and it
// is tried once more.
func (f *flight) reserve(ctx context.Context) (*store.Pending, error) {
	begin := func() (*store.Pending, error) {
		return f.r.store.Begin(f.sn.step, f.sn.sizes(), f.sn.manifestRoom())
	}
	p, err := begin()
	if !errors.Is(err, ErrNoSpace) {
		return p, err
	}
	pruned := f.r.prune(ctx)
	if pruned == nil || len(pruned.Deleted) == 0 {
		return nil, err
	}
	f.r.seen.tell(*pruned)
	return begin()
}

// fly writes the copy.
func (f *flight) fly(ctx context.Context) {
	defer close(f.done)
	f.entry, f.err = f.write(ctx)
	f.durable = f.r.opts.now()
	if f.err == nil {
		f.pruned = f.r.prune(ctx)
	}
	f.ended = f.r.opts.now()
}

func (f *flight) write(ctx context.Context) (store.Entry, error) {
	for w := range f.sn.writables(f.seal) {
		if err := f.pending.Write(ctx, w.name, w.data); err != nil {
			return store.Entry{}, errors.Join(err, f.pending.Close())
		}
	}
	f.written = f.r.opts.now()
	m, err := f.manifest()
	if err != nil {
		return store.Entry{}, errors.Join(err, f.pending.Close())
	}
	if bad := f.bad.list(); len(bad) > 0 {
		return store.Entry{}, f.refuse(ctx, m, bad)
	}
	return f.pending.Commit(ctx, m)
}

// refuse keeps a state that is not finite as evidence, if there is none yet.
func (f *flight) refuse(ctx context.Context, m *store.Manifest, bad []string) error {
	e := &NotFiniteError{Step: f.sn.step, Tensors: bad}
	name, err := f.pending.CommitEvidence(ctx, m)
	if err != nil {
		return errors.Join(e, fmt.Errorf("the state could not be kept as evidence: %w", err))
	}
	e.Evidence = name
	return e
}

// seal completes the images of a part, and looks for what is not finite beside it.
func (f *flight) seal(ctx context.Context, p *filePlan) error {
	wait := sync.WaitGroup{}
	if !f.r.opts.AllowNotFinite {
		wait.Go(func() { f.bad.scan(p, f.sn.trained) })
	}
	err := p.set.Seal(ctx)
	wait.Wait()
	return err
}

func (f *flight) manifest() (*store.Manifest, error) {
	extra, err := json.Marshal(manifestExtra{f.r.made, f.r.config})
	if err != nil {
		return nil, err
	}
	m := &store.Manifest{Kind: f.kind, Extra: extra, Metrics: map[string]jsonfloat.Float{}}
	for name, v := range f.metrics {
		m.Metrics[name] = jsonfloat.Float(v)
	}
	return m, nil
}

// event says what came of it.
func (f *flight) event(lost time.Duration) Event {
	if f.err != nil {
		return Failed{Step: f.r.step, Kind: f.kind, Err: f.err, InARow: f.r.failure.inARow}
	}
	return Committed{
		ID: f.entry.String(), Step: f.sn.step, Kind: f.kind, Bytes: f.sn.bytes(),
		Reserve: f.reserved.Sub(f.began), Copy: f.copied.Sub(f.reserved), Write: f.written.Sub(f.copied),
		Commit: f.durable.Sub(f.written), Prune: f.ended.Sub(f.durable),
		Blocked: f.blocked(), Lag: f.durable.Sub(f.began), Lost: f.blocked() + lost,
	}
}
