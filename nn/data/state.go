package data

// This file is a position that can be saved.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// position is a Sampler in JSON: where it is, and what decides the order. Which worker it is of
// how many is not in it.
type position struct {
	Rows       int    `json:"rows"`
	Batch      int    `json:"batch"` // of all workers together
	Seed       uint64 `json:"seed"`
	Sequential bool   `json:"sequential"`
	DropLast   bool   `json:"drop_last"`
	Epoch      int64  `json:"epoch"`
	Step       int    `json:"step"`
}

func (s *Sampler) position() position {
	return position{s.rows, s.whole, s.o.Seed, s.o.Sequential, s.o.DropLast, s.epoch, s.step}
}

// MarshalJSON is the position, and the options that decide what comes next.
func (s *Sampler) MarshalJSON() ([]byte, error) { return json.Marshal(s.position()) }

// UnmarshalJSON goes on from a position that MarshalJSON saved. It is an error that names them if
// rows, batch (of all workers together), seed or order are others than the sampler's, for then the rest of
// the epoch would be another one; a program that means it makes a new sampler, and uses Resume. After
// an error nothing is changed.
func (s *Sampler) UnmarshalJSON(data []byte) error {
	var at position
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&at); err != nil {
		return fmt.Errorf("data: position: %w", err)
	}
	if differ := s.position().differences(at); len(differ) > 0 {
		return fmt.Errorf("data: the saved position is in other batches: %s", strings.Join(differ, ", "))
	}
	return s.Resume(at.Epoch, at.Step)
}

func (p position) differences(saved position) []string {
	var all []string
	for _, of := range []struct {
		name      string
		got, want any
	}{
		{"rows", saved.Rows, p.Rows},
		{"batch", saved.Batch, p.Batch},
		{"seed", saved.Seed, p.Seed},
		{"sequential", saved.Sequential, p.Sequential},
		{"drop_last", saved.DropLast, p.DropLast},
	} {
		if of.got != of.want {
			all = append(all, fmt.Sprintf("%s was %v and is %v", of.name, of.got, of.want))
		}
	}
	return all
}
