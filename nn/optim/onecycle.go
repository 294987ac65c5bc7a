package optim

// This file is the one-cycle schedule.

import (
	"errors"
	"fmt"
	"math"
)

// OneCycle rises to 1 and falls to nearly 0 (Smith and Topin, arXiv:1708.07120): the rates of
// torch.optim.lr_scheduler.OneCycleLR, where the solver's LearningRate is max_lr. Momentum stays what it is
// (cycle_momentum is false). After Steps steps the rate stays at its last value.
type OneCycle struct {
	Steps      int64
	Rise       float64 // the part of Steps that rises; 0 is 0.3
	Linear     bool    // straight lines, instead of halves of cosine waves
	Start      float64 // the first factor; 0 is 1/25, as PyTorch's div_factor of 25
	Final      float64 // the last factor, of Start; 0 is 1e-4, as PyTorch's final_div_factor of 1e4
	ThreePhase bool    // falls to Start as fast as it rose, and then to the end
}

// Factor is that of the phase in which step is.
func (o OneCycle) Factor(step int64) float64 {
	defaultTo(&o.Rise, 0.3)
	defaultTo(&o.Start, 1.0/25)
	defaultTo(&o.Final, 1e-4)
	total, last := float64(o.Steps), o.Start*o.Final
	at := float64(min(step, o.Steps-1))
	top := o.Rise*total - 1
	if at <= top {
		return o.anneal(o.Start, 1, at/top)
	}
	if !o.ThreePhase {
		return o.anneal(1, last, (at-top)/(total-1-top))
	}
	down := 2*o.Rise*total - 2
	if at <= down {
		return o.anneal(1, o.Start, (at-top)/(down-top))
	}
	return o.anneal(o.Start, last, (at-down)/(total-1-down))
}

// anneal goes from one factor to another by a part of the way.
func (o OneCycle) anneal(from, to, part float64) float64 {
	if o.Linear {
		return from + (to-from)*part
	}
	return to + (from-to)/2*(math.Cos(math.Pi*part)+1)
}

func (o OneCycle) check() error {
	err := errors.Join(
		positive("OneCycle.Steps", o.Steps),
		part("OneCycle.Rise", o.Rise), notNegative("OneCycle.Start", o.Start), notNegative("OneCycle.Final", o.Final),
	)
	defaultTo(&o.Rise, 0.3)
	most := 1.0
	if o.ThreePhase {
		most = 0.5
	}
	if err == nil && !(o.Rise*float64(o.Steps) > 1 && o.Rise <= most) {
		err = fmt.Errorf("OneCycle.Rise %g of %d steps: want more than one step, and room to fall", o.Rise, o.Steps)
	}
	return err
}
