package optim

// This file is steps of several batches.

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// An Accumulator averages the gradients of several Steps, and then lets a solver do one with the
// mean: a batch that does not fit into memory, in parts. It is a gorgonia.Solver that can be saved like the
// solver, which it holds: the sums so far are a part of its state, so that a resume between two steps
// of the solver is exact. Its methods are for one goroutine at a time.
type Accumulator struct {
	solver *Solver
	params *params
	every  int
	count  int // Steps since the solver's last
	slots  []namedSlot
	means  []gorgonia.ValueGrad
}

const accumulatorKind = "accumulator"

// NewAccumulator makes every Steps one of the solver.
func NewAccumulator(s *Solver, every int) (*Accumulator, error) {
	if s == nil {
		return nil, fmt.Errorf("optim: accumulator: no solver")
	}
	if every < 1 {
		return nil, fmt.Errorf("optim: accumulator: every %d: want 1 or more", every)
	}
	a := &Accumulator{solver: s, every: every, params: &params{index: s.params.index, blocks: s.params.blocks}}
	for _, of := range s.params.list {
		p := of.bare()
		sum := p.allocate([]slot{{"grad_sum", 0}})[0]
		a.params.list = append(a.params.list, p)
		a.slots = append(a.slots, sum)
		a.means = append(a.means, mean{p, sum.value.v})
	}
	return a, nil
}

// bare is p without slots.
func (p *param) bare() *param {
	b := &param{name: p.name, owner: p.owner, shape: p.shape}
	if p.f32 != nil {
		b.f32 = &memory[float32]{w: p.f32.w, scalar: p.f32.scalar}
	} else {
		b.f64 = &memory[float64]{w: p.f64.w, scalar: p.f64.scalar}
	}
	return b
}

// A mean is a parameter with the mean of its gradients.
type mean struct {
	p    *param
	grad gorgonia.Value
}

func (m mean) Name() string                  { return m.p.name }
func (m mean) Value() gorgonia.Value         { return m.p.owner.Value() }
func (m mean) Grad() (gorgonia.Value, error) { return m.grad, nil }

// Step adds the gradients, and does a Step of the solver if there are enough. What params may be is
// as in Solver.Step. After an error about params nothing is changed. After one of the
// solver, such as a norm that is not finite, the parameters are as they were, and the sums begin
// anew.
func (a *Accumulator) Step(params []gorgonia.ValueGrad) error {
	if err := a.params.read(params); err != nil {
		return fmt.Errorf("optim: accumulator: %w", err)
	}
	defer a.params.forget()
	last, scale := a.count+1 >= a.every, 1.0
	if last {
		scale = 1 / float64(a.every)
	}
	a.params.run(
		func(m *memory[float32], b block) { m.update(b, adding[float32](scale)) },
		func(m *memory[float64], b block) { m.update(b, adding[float64](scale)) },
	)
	a.count++
	if !last {
		return nil
	}
	err := a.solver.Step(a.means)
	a.params.run(
		func(m *memory[float32], b block) { clear(m.slots[0][b.begin:b.end]) },
		func(m *memory[float64], b block) { clear(m.slots[0][b.begin:b.end]) },
	)
	a.count = 0
	return err
}

func adding[T kernel.Float](scale float64) update[T] {
	return func(_, g []T, s [most][]T) { kernel.AddScaled(s[0], g, scale) }
}

// Pending is how many Steps have been added up since the solver's last.
func (a *Accumulator) Pending() int { return a.count }

// StateDict yields the slots of the solver, and grad_sum.<param>.
func (a *Accumulator) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) {
		_ = yieldAll(a.solver.slots, yield) && yieldAll(a.slots, yield)
	}
}

type accumulatorState struct {
	Kind    string          `json:"kind"`
	Version int             `json:"version"`
	Count   int             `json:"count"`
	Solver  json.RawMessage `json:"solver"`
	// Settings are as in the state of a solver.
	Settings map[string]float64 `json:"settings,omitempty"`
}

// MarshalJSON is the state of the solver, and how many gradients are in the sums.
func (a *Accumulator) MarshalJSON() ([]byte, error) {
	solver, err := a.solver.MarshalJSON()
	if err != nil {
		return nil, err
	}
	settings := map[string]float64{"accumulate": float64(a.every)}
	maps.Copy(settings, a.solver.settings)
	return json.Marshal(accumulatorState{accumulatorKind, stateVersion, a.count, solver, settings})
}

// UnmarshalJSON restores what MarshalJSON saved. It is an error if there are as many gradients in the
// sums already as make a step. After an error nothing is changed.
func (a *Accumulator) UnmarshalJSON(data []byte) error {
	var st accumulatorState
	if err := decodeState(data, accumulatorKind, &st); err != nil {
		return err
	}
	if st.Count < 0 || st.Count >= a.every {
		return fmt.Errorf("optim: state of accumulator: the gradients of %d Steps, want 0 to %d", st.Count, a.every-1)
	}
	if err := a.solver.UnmarshalJSON(st.Solver); err != nil {
		return err
	}
	a.count = st.Count
	return nil
}
