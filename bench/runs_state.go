package main

// This file is what a training run has in memory, for the tables of -runs: weights, what Adam
// remembers of them, and where it is in the data.

import (
	"sync/atomic"

	"golang.org/x/sync/errgroup"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A training is the state of a loop: a third of it weights, two thirds Adam's averages.
type training struct {
	params  []param
	weights *model
	solver  gorgonia.Solver
	order   []gorgonia.ValueGrad
	data    position
	more    []*model // as large as Adam's averages, for the floors to copy
}

// A position is where a loop is in its data.
type position struct {
	Epoch int64 `json:"epoch"`
	Next  int64 `json:"next"`
}

// A weight is a tensor with its gradient, as Gorgonia's solvers take it.
type weight struct{ value, grad *tensor.Dense }

func (w *weight) Value() gorgonia.Value         { return w.value }
func (w *weight) Grad() (gorgonia.Value, error) { return w.grad, nil }

// newTraining makes a state of about size bytes and a transformer of so many layers, after one step of
// Adam. Its values are the same in every process, and do not compress.
func newTraining(size int64, layers int) (*training, error) {
	const slots = 2
	params := transformer(size/(1+slots), 8, layers)
	t := &training{params: params, weights: newModelOf(params), solver: gorgonia.NewAdamSolver()}
	t.weights.fill()
	for range slots {
		m := newModelOf(params)
		m.fill()
		t.more = append(t.more, m)
	}
	grads := t.more[0]
	for _, p := range params {
		t.order = append(t.order, &weight{t.weights.tensors[p.name], grads.tensors[p.name]})
	}
	if err := t.solver.Step(t.order); err != nil {
		return nil, err
	}
	grads.fill() // Step has cleared them
	return t, nil
}

// parts are what a run saves of it.
func (t *training) parts() []runs.Part {
	return []runs.Part{
		runs.Weights(t.weights.state()), runs.Solver(t.solver, t.order, t.weights.state()), runs.State("data", &t.data),
	}
}

// size is in bytes, of tensors.
func (t *training) size() int64 { return t.weights.size() * int64(1+len(t.more)) }

// tensors is how many a save has.
func (t *training) tensors() int { return len(t.order) * (1 + len(t.more)) }

// A block is a stretch of memory to be copied.
type block struct{ dst, src []byte }

// copyPieces is how a floor copies the state: pieces as large as a save's.
const copyPieces = 1 << 20

// blocks divides a copy of the state to dst, tensor by tensor.
func (t *training) blocks(dst []byte) []block {
	var all []block
	for _, m := range append([]*model{t.weights}, t.more...) {
		src := m.bytes()
		for _, p := range t.params {
			for left := 4 * p.elements(); left > 0; {
				n := min(left, copyPieces)
				all = append(all, block{dst[:n:n], src[:n:n]})
				dst, src, left = dst[n:], src[n:], left-n
			}
		}
	}
	return all
}

// copyAll copies the blocks.
func copyAll(blocks []block, workers int) {
	if workers == 1 {
		for _, b := range blocks {
			copyPiece(b.dst, b.src)
		}
		return
	}
	var next atomic.Int64
	group := errgroup.Group{}
	for range workers {
		group.Go(func() error {
			for i := next.Add(1) - 1; i < int64(len(blocks)); i = next.Add(1) - 1 {
				copyPiece(blocks[i].dst, blocks[i].src)
			}
			return nil
		})
	}
	_ = group.Wait() // copies do not fail
}
