package optim

// This file is one step of a solver.

import (
	"errors"
	"fmt"
	"math"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A Solver is an optimizer with its state: a gorgonia.Solver that can be saved. It is made by
// NewSGD, NewAdam, NewAdamW, NewRMSProp, NewAdagrad or NewLion.
//
// It holds the memory of its parameters, which must stay where it is; loaders and Swap of an [EMA] write
// there. The top of this page says what a parameter may be. Its methods are for one goroutine at
// a time.
type Solver struct {
	kind   string
	params *params
	rules  []rule // one a group: of the parameters in no Group first
	of     []int  // the rule of each parameter
	clip   clipping
	slots  []namedSlot
	// settings are the options, for who looks at what was saved.
	settings map[string]float64

	steps  int64
	filled bool    // of SGD: the momentum buffers hold a gradient
	norm   float64 // of the last Step
	sums   []float64
}

// A rule is the update of one group.
type rule struct {
	rate     float64
	schedule Schedule
	clip     clipping
	slots    []slot
	f32      maker[float32]
	f64      maker[float64]
}

// A slot is a tensor of the shape of the parameter.
type slot struct {
	name  string
	begin float64 // what each element is before the first step
}

// now is what changes from step to step.
type now struct {
	t        int64   // 1 for the first step
	rate     float64 // by the schedule
	scale    float64 // of gradients
	limit    float64
	momentum bool // the momentum buffers of SGD hold something
}

// A maker makes the update of one step.
type maker[T kernel.Float] func(now) update[T]

// An update changes a block of w and its slots by the gradient g.
type update[T kernel.Float] func(w, g []T, slots [most][]T)

// most is the largest number of slots of a parameter.
const most = 3

// Step updates all parameters by their gradients, in one pass. params are those that the solver
// was made with, each once, in any order; they may be of another graph, as long as the values
// are the same memory. Gradients are only read, but for those that Gorgonia adds up over runs (see
// gorgonia.BindDualValues), which are set to zero.
//
// An error names the parameters that it is about, and nothing is changed: where params are not those of
// the solver, a gradient is missing or has another shape or dtype, the norm of the gradients
// is not finite (if ClipNorm is set), or a schedule gives no rate. Gradients that add up stay as they are
// then, too: a training that wants to leave such a batch out sets them to zero.
func (s *Solver) Step(params []gorgonia.ValueGrad) error {
	if err := s.step(params); err != nil {
		return fmt.Errorf("optim: %s: step %d: %w", s.kind, s.steps+1, err)
	}
	return nil
}

func (s *Solver) step(params []gorgonia.ValueGrad) error {
	if err := s.params.read(params); err != nil {
		return err
	}
	defer s.params.forget()
	rates := s.Rates()
	for i, rate := range rates {
		if !(rate >= 0) || math.IsInf(rate, 0) {
			return fmt.Errorf("the learning rate of group %d is %g: want 0 or more", i, rate)
		}
	}
	scale, err := s.scale()
	if err != nil {
		return err
	}
	f32, f64 := make([]update[float32], len(s.rules)), make([]update[float64], len(s.rules))
	for i, r := range s.rules {
		n := now{s.steps + 1, rates[i], scale, s.clip.limit(), s.filled}
		f32[i], f64[i] = r.f32(n), r.f64(n)
	}
	s.params.run(
		func(m *memory[float32], b block) { m.update(b, f32[s.of[b.param]]) },
		func(m *memory[float64], b block) { m.update(b, f64[s.of[b.param]]) },
	)
	s.steps++
	s.filled = s.kind == sgd && len(s.slots) > 0
	return nil
}

// Steps is how many steps have been done, in the runs before this one too.
func (s *Solver) Steps() int64 { return s.steps }

// Rates are the learning rates that the next Step uses, one a group: first that of the parameters
// which are in none of the Groups, then those of Groups, in order.
func (s *Solver) Rates() []float64 {
	rates := make([]float64, len(s.rules))
	for i, r := range s.rules {
		rates[i] = r.rate
		if r.schedule != nil {
			rates[i] *= r.schedule.Factor(s.steps)
		}
	}
	return rates
}

// GradNorm is the norm of all gradients of the last Step before ClipNorm changed them. It is 0
// before the first Step, and where ClipNorm is not set; an infinite ClipNorm measures, and
// clips nothing.
func (s *Solver) GradNorm() float64 { return s.norm }

// build makes a solver of the options o, which have all their defaults.
func build[O any](kind string, values []gorgonia.ValueGrad, o O, groups []Group[O], rule func(O) (rule, error)) (*Solver, error) {
	s, err := buildSolver(kind, values, o, groups, rule)
	if err != nil {
		return nil, fmt.Errorf("optim: %s: %w", kind, err)
	}
	return s, nil
}

func buildSolver[O any](kind string, values []gorgonia.ValueGrad, o O, groups []Group[O], rule func(O) (rule, error)) (*Solver, error) {
	params, err := newParams(values)
	if err != nil {
		return nil, err
	}
	s := &Solver{kind: kind, params: params, sums: make([]float64, len(params.blocks))}
	if s.of, err = assign(params, groups); err != nil {
		return nil, err
	}
	options := make([]O, len(groups)+1)
	for i := range options {
		options[i] = o
		if i > 0 && groups[i-1].Set != nil {
			groups[i-1].Set(&options[i])
		}
		r, err := rule(options[i])
		if err == nil && r.schedule != nil {
			err = checkSchedule(r.schedule)
		}
		if err == nil && i > 0 && r.clip != s.rules[0].clip {
			err = errors.New("clipping is of all gradients together: set it outside of groups")
		}
		if err == nil {
			err = r.clip.check()
		}
		if err != nil {
			return nil, inGroup(i, err)
		}
		s.rules = append(s.rules, r)
	}
	s.clip, s.settings = s.rules[0].clip, settingsOf(options)
	for i, p := range params.list {
		s.slots = append(s.slots, p.allocate(s.rules[s.of[i]].slots)...)
	}
	return s, nil
}

func inGroup(i int, err error) error {
	if i == 0 {
		return err
	}
	return fmt.Errorf("group %d: %w", i, err)
}
