package optim

// This file is schedules of the learning rate.

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// A Schedule is a learning rate over the steps: a pure function of the step, as a factor of
// the LearningRate. So the solver's own count of steps is all that has to be saved.
type Schedule interface {
	// Factor is for the step that comes after so many steps: 0 for the first.
	Factor(step int64) float64
}

// A ScheduleFunc is a function as a Schedule.
type ScheduleFunc func(step int64) float64

// Factor is f(step).
func (f ScheduleFunc) Factor(step int64) float64 { return f(step) }

// Constant is one factor for all steps.
type Constant float64

// Factor is c.
func (c Constant) Factor(int64) float64 { return float64(c) }

// StepDecay multiplies the rate by Gamma after each Every steps, as
// torch.optim.lr_scheduler.StepLR does.
type StepDecay struct {
	Every int64
	Gamma float64
}

// Factor is Gamma^(step/Every), rounded down.
func (s StepDecay) Factor(step int64) float64 {
	return math.Pow(s.Gamma, float64(step/max(1, s.Every)))
}

func (s StepDecay) check() error {
	return errors.Join(positive("StepDecay.Every", s.Every), notNegative("StepDecay.Gamma", s.Gamma))
}

// MultiStep multiplies the rate by Gamma at each of Milestones, as
// torch.optim.lr_scheduler.MultiStepLR does.
type MultiStep struct {
	Milestones []int64 // steps, in any order
	Gamma      float64
}

// Factor is Gamma^n after n milestones.
func (s MultiStep) Factor(step int64) float64 {
	passed := 0
	for _, m := range s.Milestones {
		if m <= step {
			passed++
		}
	}
	return math.Pow(s.Gamma, float64(passed))
}

func (s MultiStep) check() error {
	if len(s.Milestones) == 0 || slices.Min(s.Milestones) < 0 {
		return fmt.Errorf("MultiStep.Milestones %v: want steps of 0 or more", s.Milestones)
	}
	return notNegative("MultiStep.Gamma", s.Gamma)
}

// Exponential multiplies the rate by itself at each step, as
// torch.optim.lr_scheduler.ExponentialLR does.
type Exponential float64

// Factor is e^step.
func (e Exponential) Factor(step int64) float64 { return math.Pow(float64(e), float64(step)) }

func (e Exponential) check() error { return notNegative("Exponential", float64(e)) }

// Cosine falls from 1 to Min in Steps steps along half a wave, and then rises again for as
// many, and so on: the closed form of torch.optim.lr_scheduler.CosineAnnealingLR (Loshchilov and Hutter,
// arXiv:1608.03983, equation 5, without restarts).
type Cosine struct {
	Steps int64
	Min   float64 // a factor
}

// Factor is Min + (1-Min)/2 * (1 + cos(pi*step/Steps)).
func (c Cosine) Factor(step int64) float64 {
	return c.Min + (1-c.Min)*(1+math.Cos(math.Pi*float64(step)/float64(max(1, c.Steps))))/2
}

func (c Cosine) check() error {
	return errors.Join(positive("Cosine.Steps", c.Steps), notNegative("Cosine.Min", c.Min))
}

// Linear goes from the factor Start to the factor End in Steps steps, and stays there, as
// torch.optim.lr_scheduler.LinearLR does.
type Linear struct {
	Start, End float64
	Steps      int64
}

// Factor is Start + (End-Start)*min(step/Steps, 1).
func (l Linear) Factor(step int64) float64 {
	return l.Start + (l.End-l.Start)*float64(min(step, l.Steps))/float64(max(1, l.Steps))
}

func (l Linear) check() error {
	return errors.Join(positive("Linear.Steps", l.Steps), notNegative("Linear.Start", l.Start), notNegative("Linear.End", l.End))
}

// WarmUp rises from the factor Start to 1 in Steps steps, and goes on as Then, whose steps count
// from there: torch.optim.lr_scheduler.SequentialLR of a LinearLR and another. With a Start of 0 the first
// step has a rate of 0.
type WarmUp struct {
	Steps int64
	Start float64
	Then  Schedule // nil is Constant(1)
}

// Factor is Linear's from Start to 1, then Then's.
func (w WarmUp) Factor(step int64) float64 {
	if step < w.Steps {
		return Linear{w.Start, 1, w.Steps}.Factor(step)
	}
	if w.Then == nil {
		return 1
	}
	return w.Then.Factor(step - w.Steps)
}

func (w WarmUp) check() error {
	err := errors.Join(positive("WarmUp.Steps", w.Steps), notNegative("WarmUp.Start", w.Start))
	if w.Then != nil {
		err = errors.Join(err, checkSchedule(w.Then))
	}
	return err
}

// checkSchedule refuses settings that give no rate. Schedules from elsewhere are looked at
// step by step.
func checkSchedule(s Schedule) error {
	if isNil(s) {
		return fmt.Errorf("a schedule that is a nil %T", s)
	}
	if c, ok := s.(interface{ check() error }); ok {
		return c.check()
	}
	return nil
}

func positive(name string, n int64) error {
	if n <= 0 {
		return fmt.Errorf("%s %d: want 1 or more", name, n)
	}
	return nil
}
