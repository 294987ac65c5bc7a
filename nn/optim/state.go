package optim

// This file is what of a solver can be saved.

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// A namedSlot is an entry of a StateDict.
type namedSlot struct {
	name  string
	value held
}

// held is a value that has itself for a value.
type held struct{ v gorgonia.Value }

func (h held) Value() gorgonia.Value { return h.v }

// allocate gives p its slots, all there are, so that saved ones can be read into them before
// the first step.
func (p *param) allocate(slots []slot) []namedSlot {
	var all []namedSlot
	for i, s := range slots {
		var v gorgonia.Value
		if p.f32 != nil {
			v = p.f32.allocate(i, float32(s.begin), p.shape)
		} else {
			v = p.f64.allocate(i, s.begin, p.shape)
		}
		all = append(all, namedSlot{s.name + "." + p.name, held{v}})
	}
	return all
}

func (m *memory[T]) allocate(i int, begin T, shape tensor.Shape) gorgonia.Value {
	v, data := newValue[T](len(m.w), shape, m.scalar)
	for j := range data {
		data[j] = begin
	}
	m.slots[i] = data
	return v
}

// newValue makes a tensor, or a scalar, and returns its elements too.
func newValue[T kernel.Float](n int, shape tensor.Shape, scalar bool) (gorgonia.Value, []T) {
	var v gorgonia.Value
	data := make([]T, n)
	switch x := any(data).(type) {
	case []float32:
		v = (*gorgonia.F32)(first(x))
	case []float64:
		v = (*gorgonia.F64)(first(x))
	}
	if !scalar {
		v = tensor.New(tensor.WithShape(shape.Clone()...), tensor.WithBacking(data))
	}
	return v, data
}

func first[T any](x []T) *T {
	if len(x) == 0 {
		return nil
	}
	return &x[0]
}

func yieldAll(slots []namedSlot, yield func(string, gorgonia.Valuer) bool) bool {
	for _, s := range slots {
		if !yield(s.name, s.value) {
			return false
		}
	}
	return true
}

// StateDict yields the slots of all parameters, with PyTorch's names of slots: for AdamW
// exp_avg.<param> and exp_avg_sq.<param>. The values are the live ones: loading writes into them.
func (s *Solver) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) { yieldAll(s.slots, yield) }
}

// stateVersion is the version of the states in JSON. Another one is refused.
const stateVersion = 1

// solverState is a solver in JSON.
type solverState struct {
	Kind           string `json:"kind"`
	Version        int    `json:"version"`
	Step           *int64 `json:"step"`
	MomentumBuffer bool   `json:"momentum_buffer,omitempty"` // of SGD: the buffers hold something
	// Settings are written for comparison, and not read: they are the program's.
	Settings map[string]float64 `json:"settings,omitempty"`
}

// MarshalJSON is the number of steps, and what else is no tensor. Learning rates and other settings are in
// it so that a resume with others can be told of: they are the program's, and not restored.
func (s *Solver) MarshalJSON() ([]byte, error) {
	return json.Marshal(solverState{s.kind, stateVersion, &s.steps, s.filled, s.settings})
}

// UnmarshalJSON restores what MarshalJSON saved. The state of another kind of solver is an
// error, and so is anything unknown in it; then nothing is changed.
func (s *Solver) UnmarshalJSON(data []byte) error {
	var st solverState
	if err := decodeState(data, s.kind, &st); err != nil {
		return err
	}
	if st.Step == nil || *st.Step < 0 {
		return fmt.Errorf("optim: state of %s: want a step of 0 or more", s.kind)
	}
	if st.MomentumBuffer && (s.kind != sgd || len(s.slots) == 0) {
		return fmt.Errorf("optim: state of %s: it has momentum buffers, the solver has none", s.kind)
	}
	s.steps, s.filled = *st.Step, st.MomentumBuffer
	return nil
}

// decodeState reads the state of a kind strictly.
func decodeState(data []byte, kind string, v any) error {
	var head struct {
		Kind    string `json:"kind"`
		Version int    `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return fmt.Errorf("optim: state of %s: %w", kind, err)
	}
	if head.Kind != kind {
		return fmt.Errorf("optim: the state is that of %q, want %q", head.Kind, kind)
	}
	if head.Version != stateVersion {
		return fmt.Errorf("optim: state of %s: version %d, want %d", kind, head.Version, stateVersion)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("optim: state of %s: %w", kind, err)
	}
	return nil
}
