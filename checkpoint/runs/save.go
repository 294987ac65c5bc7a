package runs

// This file is saving as the training loop sees it: what is due, and the copy. flight.go is
// what happens in the background.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// The kinds of a checkpoint: why it was made. They are in its manifest.
const (
	kindPeriodic = "periodic" // by a rule
	kindBest     = "best"     // a metric was better than ever
	kindRequest  = "request"  // from outside the loop
	kindSave     = "save"     // Save was called
	kindStop     = "stop"     // a signal came
	kindFinal    = "final"    // Finish was called
)

// A bestSoFar is the best value of a metric, and when it was.
type bestSoFar struct {
	Value jsonfloat.Float `json:"value"`
	Step  int64           `json:"step"`
}

// SaveIfDue is to be called after each step with the number of steps done so far and whatever
// metrics there are. If a rule of Options says so, it copies the state, which takes as long as
// copying so much memory, and returns; a goroutine writes the copy. While one is being written
// the next periodic save waits, without a copy of its own; a save for a new best metric waits for
// the disk instead.
//
// A save that fails is reported to observer and log, and training goes on; the next one is
// tried as it comes due. SaveIfDue returns an error when three saves in a row have failed, or
// all for 30 minutes; ErrStop after a signal, see Options.StopOnSignal; ErrFenced when another
// writer has taken the run; *NotFiniteError when the last state copied had NaN in it and was
// not saved: see Rollback. ctx is for waiting only: a save that was begun is written also when ctx ends.
func (r *Run) SaveIfDue(ctx context.Context, step int64, m Metrics) error {
	if err := r.writable(); err != nil {
		return fmt.Errorf("runs: save step %d: %w", step, err)
	}
	r.meter.enter(r.opts.now())
	defer func() { r.meter.exit(r.opts.now()) }()
	r.collect()
	improved, err := r.note(step, m)
	if err == nil {
		err = r.failure.verdict(r.opts.now())
	}
	if err != nil {
		return fmt.Errorf("runs: save step %d: %w", step, err)
	}
	if r.stop.stopping() {
		return r.saveAndStop(ctx)
	}
	return r.saveDue(ctx, improved)
}

// saveDue saves if there is a reason to.
func (r *Run) saveDue(ctx context.Context, improved string) error {
	if r.step <= r.committed || r.flight != nil && r.step <= r.flight.at {
		return nil
	}
	if improved != "" && r.worthIt() {
		if err := r.landWithin(ctx); err != nil {
			return err
		}
		r.launch(ctx, kindBest, improved)
		return nil
	}
	kind, reason := kindRequest, "requested"
	if !r.requestPending() {
		var due bool
		kind = kindPeriodic
		if reason, due = r.schedule.Due(r.step, r.opts.now()); !due {
			r.warmUp()
			return nil
		}
	}
	if r.flight != nil {
		r.wait(reason)
		return nil
	}
	r.requested()
	r.launch(ctx, kind, reason)
	return nil
}

// wait notes that a save is due while another one is being written.
func (r *Run) wait(reason string) {
	if r.waiting == "" {
		r.seen.tell(Waiting{Step: r.step, Reason: reason})
	}
	r.waiting = reason
}

// note takes what the loop says, and returns which metric of Options.KeepBest is better than
// ever.
func (r *Run) note(step int64, m Metrics) (improved string, err error) {
	if step < r.step {
		return "", fmt.Errorf("%w: %d after %d: see Rollback for going back", ErrStep, step, r.step)
	}
	before := r.metrics
	r.step, r.metrics = step, m
	for _, b := range r.opts.KeepBest {
		v, ok := m[b.Metric]
		if !ok || math.IsNaN(v) {
			continue
		}
		old, had := r.best[b.Metric]
		best := float64(old.Value)
		if had && (b.Lowest && v >= best || !b.Lowest && v <= best) {
			continue
		}
		r.best[b.Metric] = bestSoFar{jsonfloat.Float(v), step}
		improved = fmt.Sprintf("best %s so far: %g", b.Metric, v)
		_, r.frequent = before[b.Metric]
	}
	return improved, nil
}

// worthIt reports whether a new best is a reason to save by itself. One of a metric that comes at
// every call is none as long as saves would cost more time than they may.
func (r *Run) worthIt() bool {
	budget := cmp.Or(r.opts.LostTime, defaultLostTime)
	return !r.frequent || r.opts.now().Sub(r.savedAt) >= time.Duration(float64(r.cost)/budget)
}

// Save saves the state after step steps, whatever the rules say, and returns when it is
// durable. It returns nil at once if it is that already. ctx is for waiting only.
func (r *Run) Save(ctx context.Context, step int64, m Metrics) error {
	if err := r.writable(); err != nil {
		return fmt.Errorf("runs: save step %d: %w", step, err)
	}
	r.meter.enter(r.opts.now())
	defer func() { r.meter.exit(r.opts.now()) }()
	if _, err := r.note(step, m); err != nil {
		return fmt.Errorf("runs: save step %d: %w", step, err)
	}
	if err := r.saveAndWait(ctx, kindSave, "asked for"); err != nil {
		return fmt.Errorf("runs: save step %d: %w", step, err)
	}
	return nil
}

// saveAndWait saves the present step unless it is durable, and returns what came of it.
func (r *Run) saveAndWait(ctx context.Context, kind, reason string) error {
	if err := r.landWithin(ctx); err != nil {
		return err
	}
	if r.step <= r.committed {
		return nil
	}
	f := r.launch(ctx, kind, reason)
	if err := r.landWithin(ctx); err != nil {
		return err
	}
	r.failure.told(f.err)
	return f.err
}

// Finish saves the last step that SaveIfDue was told of, unless it is saved, waits until it is durable, and
// closes the run. It returns what went wrong, also with earlier saves in the background. It writes
// also when ctx is done: ctx may be what ended the training.
func (r *Run) Finish(ctx context.Context) error {
	if r.closed {
		return nil
	}
	var err error
	if r.parts != nil && !r.opts.ReadOnly {
		r.land()
		if r.step > r.committed {
			err = r.saveAndWait(context.WithoutCancel(ctx), kindFinal, "the end")
		}
	}
	if err != nil {
		err = fmt.Errorf("runs: finish %s: step %d: %w", r.path, r.step, err)
	}
	return errors.Join(err, r.Close())
}

// launch copies the state and begins to write it. There must be no other flight. The result is
// never nil: one that could not begin has landed.
func (r *Run) launch(ctx context.Context, kind, reason string) *flight {
	r.waiting = ""
	f := &flight{r: r, at: r.step, kind: kind, began: r.opts.now(), metrics: r.metrics, done: make(chan struct{})}
	r.seen.later(Due{Step: r.step, Kind: kind, Reason: reason})
	r.flight = f
	err := f.prepare(context.WithoutCancel(ctx))
	now := r.opts.now()
	// Also one that failed: the next is tried when it comes due.
	r.schedule.Saved(r.step, now, now.Sub(f.began))
	if err != nil {
		f.err = err
		close(f.done)
		r.collect()
		return f
	}
	r.seen.later(Snapshot{Step: f.at, Bytes: f.sn.bytes(), Memory: int64(len(r.snaps.buffer)), Blocked: now.Sub(f.began)})
	r.savedAt = now
	r.meter.lift(now)
	go f.fly(context.WithoutCancel(ctx))
	return f
}

// land waits for the save in the background and takes its result.
func (r *Run) land() {
	if r.flight != nil {
		<-r.flight.done
		r.collect()
	}
}

// landWithin is land, as long as ctx lasts.
func (r *Run) landWithin(ctx context.Context) error {
	if r.flight == nil {
		return nil
	}
	select {
	case <-r.flight.done:
		r.collect()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for the save of step %d: %w", r.flight.at, context.Cause(ctx))
	}
}

// collect takes the result of a flight that has ended, if one has.
func (r *Run) collect() {
	f := r.flight
	if f == nil {
		return
	}
	select {
	case <-f.done:
	default:
		return
	}
	r.flight = nil
	lost := r.meter.land(f.ended)
	r.cost = f.blocked() + lost
	r.schedule.Cost(lost)
	r.failure.landed(f.err, r.opts.now())
	if f.err == nil || errors.Is(f.err, ErrUnconfirmed) {
		r.committed, r.durable, r.took = f.at, f.durable, f.durable.Sub(f.began)
	}
	f.tell(lost, r.failure.inARow)
}

// requestPending reports whether somebody asks for a save: by Request, by SIGUSR1, or by making a
// file called save-now in the run's directory, which is looked for once a second.
func (r *Run) requestPending() bool {
	if r.stop.requested() {
		r.Request()
	}
	if now := r.opts.now(); now.Sub(r.asked) >= time.Second {
		r.asked = now
		if asked, err := r.store.TakeRequest(); err != nil {
			r.seen.tell(Warning{Text: err.Error()})
		} else if asked {
			r.Request()
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.request
}

// saveAndStop is the end of training by a signal.
func (r *Run) saveAndStop(ctx context.Context) error {
	if r.stopped {
		return ErrStop
	}
	r.stopped = true
	deadline := r.stop.deadline()
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), deadline)
	defer cancel()
	choice, why := atStop(time.Until(deadline), r.expectedSave(), r.flight != nil, r.opts.now().Sub(r.durable), r.opts.FreshEnough)
	r.seen.tell(Stopping{Signal: r.stop.signal(), Deadline: deadline, Choice: choice.String(), Reason: why})
	var err error
	switch choice {
	case saveNow:
		err = r.saveAndWait(ctx, kindStop, why)
	case waitForSnapshot:
		err = r.landWithin(ctx)
	case saveNothing:
	}
	return errors.Join(ErrStop, err)
}

// expectedSave is how long the next save takes until it is durable: as long as the last one, or,
// before the first, as a slow disk would.
func (r *Run) expectedSave() time.Duration {
	if r.took > 0 {
		return r.took
	}
	const slow = 100 << 20 // bytes a second
	c, err := newCapture(r.parts, r.memo)
	if err != nil {
		return 0 // the save will say so
	}
	var bytes int
	for _, f := range c.files {
		for _, s := range f.src {
			bytes += len(s.Data)
		}
	}
	return time.Second + time.Duration(float64(bytes)/slow*float64(time.Second))
}
