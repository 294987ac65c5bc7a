package optim

// This file is rates that fall when there is no progress.

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// PlateauOptions are those of torch.optim.lr_scheduler.ReduceLROnPlateau. Nil is its defaults.
// If it is not nil, all fields are taken as they are, but for a Factor of 0.
type PlateauOptions struct {
	Max       bool    // a higher metric is better; else a lower one
	Factor    float64 // what the rate is multiplied by; 0 is 0.1
	Patience  int     // how many metrics without progress are borne
	Threshold float64 // progress is more than this part of the best metric
	Absolute  bool    // Threshold is a difference instead
	Cooldown  int     // how many metrics after a reduction are not counted
	Min       float64 // the smallest factor, all reductions together
}

// A Plateau is a [Schedule] that falls when a metric stops getting better, as
// torch.optim.lr_scheduler.ReduceLROnPlateau does. It is the same for all steps until the next Observe, so
// it has a state, which is saved as JSON: with package runs, runs.State("plateau", p). Solvers that share it
// fall together. Its methods are for one goroutine at a time.
type Plateau struct {
	o  PlateauOptions
	at plateauState
}

type plateauState struct {
	Kind     string   `json:"kind"`
	Version  int      `json:"version"`
	Factor   float64  `json:"factor"`
	Best     *float64 `json:"best"` // null before the first metric
	Bad      int      `json:"bad"`
	Cooldown int      `json:"cooldown"`
}

const plateauKind = "plateau"

// NewPlateau makes a schedule that begins with the factor 1.
func NewPlateau(o *PlateauOptions) (*Plateau, error) {
	own := PlateauOptions{Patience: 10, Threshold: 1e-4}
	if o != nil {
		own = *o
	}
	defaultTo(&own.Factor, 0.1)
	err := errors.Join(
		part("Factor", own.Factor), notNegative("Threshold", own.Threshold), notNegative("Min", own.Min),
		notNegative("Patience", float64(own.Patience)), notNegative("Cooldown", float64(own.Cooldown)),
	)
	if err != nil {
		return nil, fmt.Errorf("optim: plateau: %w", err)
	}
	return &Plateau{own, plateauState{Kind: plateauKind, Version: stateVersion, Factor: 1}}, nil
}

// Factor is the same for all steps, until Observe reduces it.
func (p *Plateau) Factor(int64) float64 { return p.at.Factor }

// Observe counts a metric, such as the loss of an epoch on the validation data, and reports whether the
// rate was reduced because of it. One that is not finite is no progress.
func (p *Plateau) Observe(metric float64) (reduced bool) {
	if p.better(metric) {
		p.at.Best = &metric
		p.at.Bad = 0
	} else {
		p.at.Bad++
	}
	if p.at.Cooldown > 0 {
		p.at.Cooldown--
		p.at.Bad = 0
	}
	if p.at.Bad <= p.o.Patience {
		return false
	}
	before := p.at.Factor
	p.at.Factor = min(before, max(before*p.o.Factor, p.o.Min))
	p.at.Cooldown, p.at.Bad = p.o.Cooldown, 0
	return p.at.Factor < before
}

func (p *Plateau) better(metric float64) bool {
	if math.IsNaN(metric) || math.IsInf(metric, 0) {
		return false
	}
	if p.at.Best == nil {
		return true
	}
	best := *p.at.Best
	switch {
	case p.o.Max && p.o.Absolute:
		return metric > best+p.o.Threshold
	case p.o.Max:
		return metric > best*(1+p.o.Threshold)
	case p.o.Absolute:
		return metric < best-p.o.Threshold
	}
	return metric < best*(1-p.o.Threshold)
}

// MarshalJSON is the factor, the best metric and what has been counted.
func (p *Plateau) MarshalJSON() ([]byte, error) { return json.Marshal(p.at) }

// UnmarshalJSON restores what MarshalJSON saved. The options are the program's. After an
// error nothing is changed.
func (p *Plateau) UnmarshalJSON(data []byte) error {
	var at plateauState
	if err := decodeState(data, plateauKind, &at); err != nil {
		return err
	}
	if !(at.Factor >= 0 && at.Factor <= 1) || at.Bad < 0 || at.Cooldown < 0 {
		return fmt.Errorf("optim: state of plateau: factor %g, bad %d, cooldown %d: want a factor of 0 to 1, and counts of 0 or more", at.Factor, at.Bad, at.Cooldown)
	}
	p.at = at
	return nil
}
