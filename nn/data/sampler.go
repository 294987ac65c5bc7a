package data

// This file deals out batches.

import (
	"fmt"
	"iter"
	"math"
)

// Options of a Sampler. Nil is the zero value.
type Options struct {
	Seed       uint64 // of the order
	Sequential bool   // rows in their own order in each epoch, as for evaluation
	// DropLast leaves out the rows at the end of an epoch that make no whole batch: other rows in
	// each epoch. Without it they are a shorter batch. Machines of fixed shapes need it.
	DropLast bool
	// World is the number of workers that share the data, 0 for 1, and Rank is which of them this
	// is, from 0. Workers have equally many batches, equally large at each step, and no row in
	// common. Without DropLast the number of rows must be a multiple of World.
	World, Rank int
}

// A Sampler deals out rows, each once an epoch. It holds the order of one epoch, 8 bytes a row. Its methods are for one goroutine at a time.
type Sampler struct {
	rows  int
	whole int // the rows of a step, of all workers together
	o     Options

	epoch int64
	step  int // how many batches of this epoch have been dealt out

	order   []int // the rows of the epoch ordered
	ordered int64 // -1 for none
}

// NewSampler begins at the first epoch, 0. batch is the number of rows in a worker's batch.
func NewSampler(rows, batch int, o *Options) (*Sampler, error) {
	s := &Sampler{rows: rows, ordered: -1}
	if o != nil {
		s.o = *o
	}
	if s.o.World == 0 {
		s.o.World = 1
	}
	world := s.o.World
	switch {
	case rows < 1 || batch < 1:
		return nil, fmt.Errorf("data: %d rows in batches of %d: want 1 or more of both", rows, batch)
	case world < 1 || s.o.Rank < 0 || s.o.Rank >= world:
		return nil, fmt.Errorf("data: rank %d of %d workers: want 0 or more, and less than the number of workers", s.o.Rank, world)
	case batch > math.MaxInt/2/world:
		return nil, fmt.Errorf("data: batches of %d rows for each of %d workers: too many", batch, world)
	case s.o.DropLast && rows < batch*world:
		return nil, fmt.Errorf("data: %d rows make no whole batch of %d for each of %d workers: without DropLast there is a shorter one", rows, batch, world)
	case !s.o.DropLast && rows%world != 0:
		return nil, fmt.Errorf("data: %d rows cannot be divided equally among %d workers: with DropLast some are left out", rows, world)
	}
	s.whole = batch * world
	return s, nil
}

// Steps is the number of batches in an epoch.
func (s *Sampler) Steps() int {
	if s.o.DropLast {
		return s.rows / s.whole
	}
	return (s.rows-1)/s.whole + 1
}

// Epoch is the epoch of the next batch, from 0: it goes up when the last batch of one has been dealt out.
func (s *Sampler) Epoch() int64 { return s.epoch }

// Step is how many batches of Epoch have been dealt out.
func (s *Sampler) Step() int { return s.step }

// Next returns the rows of the next batch, of the next epoch when one is done. The slice is the
// sampler's, to be read until the next call.
func (s *Sampler) Next() []int {
	if s.ordered != s.epoch {
		s.order = s.arrange(s.order, s.epoch)
		s.ordered = s.epoch
	}
	batch := s.part(s.order, s.step)
	if s.step++; s.step == s.Steps() {
		s.epoch, s.step = s.epoch+1, 0
	}
	return batch
}

// Batches yields the batches of an epoch, whatever Next is at, and does not change what Next gives. A
// slice is to be read until the next. It allocates the order of the rows.
func (s *Sampler) Batches(epoch int64) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		order := s.arrange(nil, epoch)
		for step := range s.Steps() {
			if !yield(s.part(order, step)) {
				return
			}
		}
	}
}

// Resume makes the next batch the one that comes after step batches of an epoch, for a program that
// wants another position than the saved one.
func (s *Sampler) Resume(epoch int64, step int) error {
	if epoch < 0 || step < 0 || step >= s.Steps() {
		return fmt.Errorf("data: step %d of epoch %d: want an epoch of 0 or more, and a step from 0 to %d", step, epoch, s.Steps()-1)
	}
	s.epoch, s.step = epoch, step
	return nil
}

// part is this worker's share of a step.
func (s *Sampler) part(order []int, step int) []int {
	begin := step * s.whole
	share := min(s.whole, s.rows-begin) / s.o.World
	begin += s.o.Rank * share
	return order[begin : begin+share : begin+share]
}
