package main

// This file is the model that is served: two sets of weights, one to answer with and
// one to load the next checkpoint into.

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
)

// A model answers from any number of goroutines while one other replaces it.
type model struct {
	served atomic.Pointer[replica] // nil before the first checkpoint
	spare  *replica                // the goroutine's that loads
}

// A replica is one set of weights and its machine, which serves one request at a time.
type replica struct {
	mu sync.Mutex
	*digits.Predictor
	from *runs.Restored
}

func newReplica() *replica { return &replica{Predictor: digits.NewPredictor(1, digits.Zeros)} }

func newModel() *model { return &model{spare: newReplica()} }

// predict answers with the weights that are served, and says from which checkpoint they are.
func (m *model) predict(pixels []float32) (digit uint8, from *runs.Restored, err error) {
	r := m.lockServed()
	defer r.mu.Unlock()
	all, err := r.Predict(pixels)
	if err != nil {
		return 0, nil, err
	}
	return all[0], r.from, nil
}

// lockServed locks what is served. What has become the spare one while it waited for the
// lock is not that any more.
func (m *model) lockServed() *replica {
	for {
		r := m.served.Load()
		r.mu.Lock()
		if r == m.served.Load() {
			return r
		}
		r.mu.Unlock()
	}
}

// replace loads what run selects into the spare weights, and then serves these. If it
// fails, what was served still is.
func (m *model) replace(ctx context.Context, run *runs.Run) (*runs.Restored, error) {
	if err := m.load(ctx, run); err != nil {
		return nil, err
	}
	next := m.spare
	if m.spare = m.served.Swap(next); m.spare == nil {
		m.spare = newReplica()
	}
	return next.from, nil
}

func (m *model) load(ctx context.Context, run *runs.Run) (err error) {
	m.spare.mu.Lock()
	defer m.spare.mu.Unlock()
	restored, err := run.Restore(ctx, runs.Weights(m.spare.Model()))
	if err != nil {
		return err
	}
	m.spare.from = restored
	return nil
}
