package runs

// This file is a run from Open to Close.

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/provenance"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/retain"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/schedule"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// Metrics are numbers that describe a state, such as its loss. They may be NaN.
type Metrics map[string]float64

// A Run is a training run on disk. Restore, SaveIfDue, Save, Rollback, Finish and Close are for
// the goroutine of the training loop, between two steps; Request, Record, Pin, Unpin and
// Checkpoints may be called from any.
type Run struct {
	path    string
	opts    Options
	store   *store.Store
	policy  retain.Policy
	config  provenance.Config
	made    provenance.Provenance
	renames *checkpoint.Renames
	stop    *stopper // nil unless signals are listened to
	seen    *watcher

	// What follows is the loop's.
	parts     []Part // nil before Restore
	schedule  *schedule.Schedule
	meter     *meter
	memo      *memo
	snaps     snapshotter
	warmed    bool    // the memory for the first copy was asked for
	flight    *flight // the save in the background, nil without
	waiting   string  // why a save waits for the one before it, "" if none does
	step      int64   // of the last call
	metrics   Metrics // of the last call
	committed int64   // the newest step that is durable; -1 without
	best      map[string]bestSoFar
	rollbacks int
	links     links
	frequent  bool          // the metric that was last the best comes at every call
	cost      time.Duration // training time that the last save took
	took      time.Duration // from the copy of the last save to when it was durable
	savedAt   time.Time     // when the last copy was made
	durable   time.Time     // when the newest state was made durable, or restored
	asked     time.Time     // when the request file was last looked for
	stopped   bool          // a signal was answered
	closed    bool

	mu      sync.Mutex
	request bool // somebody asked for a save
	failure health
}

// Open opens the run in the directory path, which it makes if it is missing: as its one writer,
// or for reading with Options.ReadOnly. Nothing is restored yet; call Restore next. A run that is open
// for writing elsewhere is ErrLocked, a file system without locks ErrNoLocks.
//
// When Open returns, the directory's own name survives a power cut.
func Open(path string, o *Options) (*Run, error) {
	r := &Run{opts: o.withDefaults(), committed: -1}
	if err := r.configure(path); err != nil {
		return nil, err
	}
	open := store.Open
	if r.opts.ReadOnly {
		open = store.OpenReadOnly
	}
	var err error
	r.store, err = open(r.path, &store.Options{
		FS: r.opts.fs, AllowUnlocked: r.opts.AllowUnlocked, Now: r.opts.now, BytesPerSecond: r.opts.BytesPerSecond,
	})
	if err != nil {
		return nil, fmt.Errorf("runs: %w", err)
	}
	if r.opts.StopOnSignal && !r.opts.ReadOnly {
		r.stop = newStopper(r.opts.Grace)
	}
	return r, nil
}

// configure checks what can be checked without the run.
func (r *Run) configure(path string) (err error) {
	if strings.HasPrefix(path, "~") {
		return fmt.Errorf("runs: path %q: only shells know what ~ means; give the folder in full", path)
	}
	if path == "" {
		return errors.New("runs: no path")
	}
	if r.path, err = filepath.Abs(path); err != nil {
		return fmt.Errorf("runs: %w", err)
	}
	if r.policy, err = r.opts.policy(); err != nil {
		return err
	}
	if r.schedule, err = schedule.New(r.opts.rules(), 0, r.opts.now()); err != nil {
		return fmt.Errorf("runs: options: %w", err)
	}
	if r.config, err = provenance.NewConfig(r.opts.Config); err != nil {
		return fmt.Errorf("runs: options: %w", err)
	}
	if r.opts.Renames != "" {
		if r.renames, err = checkpoint.ParseRenames([]byte(r.opts.Renames)); err != nil {
			return fmt.Errorf("runs: options: %w", err)
		}
	}
	r.made = provenance.Collect(r.opts.args)
	r.meter = newMeter()
	r.memo = newMemo()
	r.snaps.shardSize = r.opts.ShardSize
	r.seen = newWatcher(r.opts.Observer, r.opts.Log)
	r.best = map[string]bestSoFar{}
	return nil
}

// Path is the directory of the run.
func (r *Run) Path() string { return r.path }

// Close waits for the save in the background, if there is one, and lets go of the run. It
// makes no new save: deferred, it is right also when the loop panics. It returns what went
// wrong in the background and was not reported yet. A second Close does nothing.
func (r *Run) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.land()
	r.stop.close()
	err := errors.Join(r.failure.unreported(), r.snaps.release(), r.store.Close())
	if err != nil {
		return fmt.Errorf("runs: close %s: %w", r.path, err)
	}
	return nil
}

// writable says why nothing can be saved, nil where it can.
func (r *Run) writable() error {
	switch {
	case r.closed:
		return errors.New("the run is closed")
	case r.opts.ReadOnly:
		return ErrReadOnly
	case r.parts == nil:
		return ErrNotRestored
	}
	return nil
}

// Request asks for a save at the next call of SaveIfDue, from any goroutine.
func (r *Run) Request() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.request = true
}

// requested reports whether somebody asked, and forgets it.
func (r *Run) requested() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	asked := r.request
	r.request = false
	return asked
}
