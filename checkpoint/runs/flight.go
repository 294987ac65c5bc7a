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
	at      int64 // the step
	kind    string
	metrics Metrics
	sn      *snapshot
	pending *store.Pending
	bad     notFinite
	linked  int64 // bytes

	began, planned, copied            time.Time // the loop's part
	reserved, written, durable, ended time.Time
	entry                             store.Entry
	pruned                            *Pruned
	err                               error
	done                              chan struct{}
}

// manifestExtra is what a manifest has beside what the store knows.
type manifestExtra struct {
	Provenance provenance.Provenance `json:"provenance"`
	Config     provenance.Config     `json:"config,omitzero"`
}

// blocked is the time that the loop has waited.
func (f *flight) blocked() time.Duration { return max(0, f.copied.Sub(f.began)) }

// prepare copies the state, on the loop's goroutine. Making room on the disk can take longer than the
// copy, so it is left to the background, unless the disk says that it is full.
func (f *flight) prepare(ctx context.Context) error {
	c, err := newCapture(f.r.parts, f.r.memo)
	if err != nil {
		return err
	}
	if f.sn, err = f.r.snaps.plan(c, f.at, f.r.best); err != nil {
		return err
	}
	if f.r.store.Full(f.sn.sizes(), f.sn.manifestRoom()) {
		if f.pending, err = f.reserve(ctx); err != nil {
			return err
		}
	}
	f.planned = f.r.opts.now()
	if err := f.sn.fill(ctx); err != nil {
		return errors.Join(err, f.giveUp())
	}
	f.copied = f.r.opts.now()
	return nil
}

// giveUp removes what was begun.
func (f *flight) giveUp() error {
	if f.pending == nil {
		return nil
	}
	return f.pending.Close()
}

// reserve begins the checkpoint. Where the disk is full, what the policy does not keep is deleted, and it
// is tried once more.
func (f *flight) reserve(ctx context.Context) (*store.Pending, error) {
	begin := func() (*store.Pending, error) {
		return f.r.store.Begin(f.at, f.sn.sizes(), f.sn.manifestRoom())
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
	f.r.seen.catchUp()
	f.entry, f.err = f.write(ctx)
	f.durable = f.r.opts.now()
	if f.err == nil {
		f.pruned = f.r.prune(ctx)
	}
	f.ended = f.r.opts.now()
}

func (f *flight) write(ctx context.Context) (_ store.Entry, err error) {
	if f.pending == nil {
		if f.pending, err = f.reserve(ctx); err != nil {
			return store.Entry{}, err
		}
	}
	f.reserved = f.r.opts.now()
	f.r.links.begin()
	for w := range f.sn.writables(f.seal) {
		if err := f.writeFile(ctx, w); err != nil {
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
	e, err := f.pending.Commit(ctx, m)
	if err == nil {
		f.linked = f.r.links.bytes
		f.r.links.commit(e)
	}
	return e, err
}

// writeFile writes one file, or links it.
func (f *flight) writeFile(ctx context.Context, w writable) error {
	if f.r.opts.LinkUnchanged && w.linkable != nil {
		linked, err := f.link(ctx, w.linkable, w)
		if linked || err != nil {
			return err
		}
	}
	return f.pending.Write(ctx, w.name, w.data)
}

// refuse keeps a state that is not finite as evidence, if there is none yet.
func (f *flight) refuse(ctx context.Context, m *store.Manifest, bad []string) error {
	e := &NotFiniteError{Step: f.at, Tensors: bad}
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

// tell says what came of it.
func (f *flight) tell(lost time.Duration, inARow int) {
	seen := f.r.seen
	var bad *NotFiniteError
	switch {
	case errors.As(f.err, &bad):
		seen.tell(NotFinite{Step: bad.Step, Tensors: bad.Tensors, Evidence: bad.Evidence})
	case f.err != nil:
		seen.tell(Failed{Step: f.at, Kind: f.kind, Err: f.err, InARow: inARow})
	default:
		seen.tell(f.event(lost))
	}
	if f.pruned != nil {
		seen.tell(*f.pruned)
	}
}

func (f *flight) event(lost time.Duration) Committed {
	return Committed{
		ID: f.entry.String(), Step: f.at, Kind: f.kind, Bytes: f.sn.bytes(), Linked: f.linked,
		Copy: f.copied.Sub(f.planned), Reserve: f.reserved.Sub(f.copied), Write: f.written.Sub(f.reserved),
		Commit: f.durable.Sub(f.written), Prune: f.ended.Sub(f.durable),
		Blocked: f.blocked(), Lag: f.durable.Sub(f.began), Lost: f.blocked() + lost, Share: f.r.meter.share(),
	}
}
