package digits

// This file is the order in which a training sees its data.

import "math/rand/v2"

// A Sampler deals out the rows of a data set, each once an epoch, in an order that
// seed and epoch decide. So where it is says all about what is to come.
type Sampler struct {
	At Position // the state to save

	seed  uint64
	rows  int
	order []int // of the epoch ordered
	valid int64 // which epoch that is, -1 for none
}

// Position is where a Sampler is.
type Position struct {
	Epoch int64 `json:"epoch"` // how many have ended
	Next  int   `json:"next"`  // the place of the next row in the order of this one
}

// NewSampler begins at the first epoch. It deals out as many whole batches as there are in rows.
func NewSampler(seed uint64, rows int) *Sampler {
	return &Sampler{seed: seed, rows: rows, valid: -1}
}

// Steps is the number of batches in an epoch.
func (s *Sampler) Steps() int { return s.rows / Batch }

// Next returns the rows of the next batch, until the call after.
func (s *Sampler) Next() []int {
	if s.valid != s.At.Epoch {
		s.order = rand.New(rand.NewPCG(s.seed, 1+uint64(s.At.Epoch))).Perm(s.rows)
		s.valid = s.At.Epoch
	}
	batch := s.order[s.At.Next:][:Batch]
	if s.At.Next += Batch; s.At.Next+Batch > s.rows {
		s.At = Position{Epoch: s.At.Epoch + 1}
	}
	return batch
}
