package runs

// This file saves what a solver remembers, by the names of parameters.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/internal/solver"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A StatefulSolver is a solver that gives its own state: tensors, under names that contain
// the parameters', and the rest as JSON. What the JSON has under "settings", an object of numbers,
// is compared with what the solver has when it is restored, for Restored.Changed. UnmarshalJSON is
// tried before anything is restored, and undone by giving it the present state.
type StatefulSolver interface {
	gorgonia.Solver
	checkpoint.Model
	json.Marshaler
	json.Unmarshaler
}

// Solver saves what a solver remembers to optimizer.safetensors: for Adam, exp_avg.<param> and
// exp_avg_sq.<param> for each parameter, with the names of PyTorch's slots, and the number of steps
// in state.json. order is the slice given to Step; the names of its nodes are those that the
// model m has for them, found by identity, so that a resumed run may have its parameters in another
// order.
//
// s is one of Gorgonia's seven solvers, as they are in v0.9.18 (another layout is an error
// that names the field), or a [StatefulSolver]. Learning rates and other settings are the
// program's and stay what they are; Restored.Changed says which are others than before. A
// solver of another kind than the saved one begins anew, and a parameter that the file does not
// know too; Changed says so.
func Solver(s gorgonia.Solver, order []gorgonia.ValueGrad, m checkpoint.Model) Part {
	if own, ok := s.(StatefulSolver); ok {
		return ownSolver{optimizerKey, own, order, m}
	}
	return solverPart{optimizerKey, s, order, m}
}

type solverPart struct {
	name  string
	s     gorgonia.Solver
	order []gorgonia.ValueGrad
	m     checkpoint.Model
}

func (p solverPart) key() string            { return p.name }
func (p solverPart) named(name string) Part { return solverPart{name, p.s, p.order, p.m} }

// solverState is the entry in state.json.
type solverState struct {
	Kind     string                     `json:"kind"`
	Numbers  map[string]jsonfloat.Float `json:"numbers,omitempty"`
	Settings map[string]jsonfloat.Float `json:"settings,omitempty"`
}

func (p solverPart) capture(c *capture) error {
	names, err := c.params(p.name, p.order, p.m)
	if err != nil {
		return fmt.Errorf("part %q: %w", p.name, err)
	}
	st, err := c.memo.reader(p.name).Read(p.s, p.order)
	if err != nil {
		return fmt.Errorf("part %q: %w", p.name, err)
	}
	raw, err := json.Marshal(solverState{st.Kind, jsonFloats(st.Numbers), jsonFloats(st.Settings)})
	if err != nil {
		return fmt.Errorf("part %q: %w", p.name, err)
	}
	c.json(p.name, raw)
	c.solvers[p.name] = true
	return c.slots(p.name, walkSlots(st.Slots, names, len(c.memo.files[p.name].of)), func() checkpoint.Model {
		slots := map[string]gorgonia.Value{}
		for i, of := range st.Slots {
			for slot, v := range of {
				slots[slot+"."+names[i]] = v
			}
		}
		return checkpoint.FromValues(slots)
	})
}

// walkSlots lists slots, with the names of their parameters; most is how many that may be.
func walkSlots(slots []map[string]gorgonia.Value, names []string, most int) []named {
	all := make([]named, 0, most)
	for i, of := range slots {
		begin := len(all)
		for slot, v := range of {
			all = append(all, named{slot, names[i], v})
		}
		slices.SortFunc(all[begin:], func(a, b named) int { return strings.Compare(a.name, b.name) })
	}
	return all
}

// slots adds a file of an optimizer's tensors. One that has none yet has no file.
func (c *capture) slots(name string, values []named, list func() checkpoint.Model) error {
	if len(values) == 0 {
		return nil
	}
	return c.file(name, values, func() (tensorFile, error) {
		f, err := newTensorFile(name, list())
		f.slots = true
		return f, err
	})
}

// params are the names of a solver's parameters, which become known as trained.
func (c *capture) params(name string, order []gorgonia.ValueGrad, m checkpoint.Model) ([]string, error) {
	kept := c.memo.params[name]
	now, model := walkOrder(order), walk(m, len(kept.model))
	if !hold(kept.order, now) || !hold(kept.model, model) {
		trained := map[string]bool{}
		names, err := paramNames(order, m, trained)
		if err != nil {
			return nil, err
		}
		kept = keptParams{markAll(now), markAll(model), names, trained}
		c.memo.params[name] = kept
	}
	c.trained = append(c.trained, kept.trained)
	return kept.names, nil
}

func (p solverPart) stage(ctx context.Context, from *saved) (func() error, error) {
	var old solverState
	if err := from.decode(p.name, &old); err != nil {
		return nil, err
	}
	names, err := paramNames(p.order, p.m, nil)
	if err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	now, err := solver.Read(p.s, p.order)
	if err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	if old.Kind != now.Kind {
		from.changed(p.name, old.Kind, now.Kind+", which begins anew", true)
		return func() error { return nil }, nil
	}
	from.changedSettings(p.name, old.Settings, jsonFloats(now.Settings))
	st := &solver.State{Kind: old.Kind, Numbers: map[string]float64{}, Owned: true}
	for name, v := range old.Numbers {
		st.Numbers[name] = float64(v)
	}
	if st.Slots, err = p.slotsOf(ctx, from, names); err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	write, err := solver.Prepare(p.s, p.order, st)
	if err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	return func() error { write(); return nil }, nil
}

// slotsOf reads the slots of the parameters of those names. Slots of others are passed over
// and reported.
func (p solverPart) slotsOf(ctx context.Context, from *saved, names []string) ([]map[string]gorgonia.Value, error) {
	slots := make([]map[string]gorgonia.Value, len(names))
	if !from.has(p.name) {
		return slots, nil // it had not stepped yet
	}
	f, err := from.open(p.name)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for i, name := range names {
		at[name] = i
	}
	var all []*slotRead
	for name, t := range f.All() {
		slot, param, _ := strings.Cut(name, ".")
		i, ok := at[from.renamed(param)]
		if !ok {
			from.changed("optimizer state of "+param, "kept", "dropped: the solver has no such parameter", true)
			continue
		}
		if slots[i] == nil {
			slots[i] = map[string]gorgonia.Value{}
		}
		all = append(all, &slotRead{from: t, of: slots[i], slot: slot})
	}
	if err := readSlots(ctx, all); err != nil {
		return nil, err
	}
	for i, name := range names {
		if slots[i] == nil {
			from.changed("optimizer state of "+name, "none", "begins anew", true)
		}
	}
	return slots, nil
}

// A slotRead is a slot to be read, and where its value goes.
type slotRead struct {
	from  safetensors.Tensor
	of    map[string]gorgonia.Value
	slot  string
	value *tensor.Dense
}

// readSlots reads slots into memory of their own, on all cores.
func readSlots(ctx context.Context, all []*slotRead) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, r := range all {
		group.Go(func() (err error) {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			r.value, err = checkpoint.Dense(r.from)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, r := range all {
		r.of[r.slot] = r.value
	}
	return nil
}

func jsonFloats(m map[string]float64) map[string]jsonfloat.Float {
	out := make(map[string]jsonfloat.Float, len(m))
	for name, v := range m {
		out[name] = jsonfloat.Float(v)
	}
	return out
}

// paramNames finds the names that m has for the parameters in order: of several, the first in
// byte order, and all of them go into trained, if it is not nil.
func paramNames(order []gorgonia.ValueGrad, m checkpoint.Model, trained map[string]bool) ([]string, error) {
	if m == nil {
		return nil, errors.New("no model to take the parameters' names from: nil")
	}
	byNode, byPlace := map[any][]string{}, map[place][]string{}
	for name, v := range m.StateDict() {
		if n, ok := v.(*gorgonia.Node); ok {
			byNode[n] = append(byNode[n], name)
		}
		if at, ok := placeOf(v); ok {
			byPlace[at] = append(byPlace[at], name)
		}
	}
	names := make([]string, len(order))
	var unknown []string
	for i, p := range order {
		found := slices.Clone(byNode[any(p)])
		if at, ok := placeOf(p); ok {
			found = append(found, byPlace[at]...)
		}
		if len(found) == 0 {
			unknown = append(unknown, fmt.Sprintf("%d (%s)", i, describeParam(p)))
			continue
		}
		names[i] = slices.Min(found)
		for _, name := range found {
			if trained != nil {
				trained[name] = true
			}
		}
	}
	if len(unknown) > 0 {
		return nil, fmt.Errorf("of the %d parameters that the solver steps on, the model has no name for those at %s", len(order), strings.Join(unknown, ", "))
	}
	return names, nil
}

// A place is where a value is: what makes two owners one parameter.
type place struct {
	addr  uintptr
	size  uintptr
	dtype string
}

func placeOf(v gorgonia.Valuer) (place, bool) {
	if v == nil {
		return place{}, false
	}
	value := v.Value()
	if d, ok := value.(*tensor.Dense); ok && d != nil {
		return place{d.Uintptr(), d.MemSize(), d.Dtype().String()}, d.MemSize() > 0
	}
	if s, ok := value.(gorgonia.Scalar); ok && s != nil {
		return place{s.Uintptr(), s.MemSize(), s.Dtype().String()}, true
	}
	return place{}, false
}

func describeParam(p gorgonia.ValueGrad) string {
	if n, ok := p.(*gorgonia.Node); ok && n != nil {
		return fmt.Sprintf("node %q", n.Name())
	}
	return fmt.Sprintf("%T", p)
}

// ownSolver is a solver that gives its own state.
type ownSolver struct {
	name  string
	s     StatefulSolver
	order []gorgonia.ValueGrad
	m     checkpoint.Model
}

func (p ownSolver) key() string            { return p.name }
func (p ownSolver) named(name string) Part { return ownSolver{name, p.s, p.order, p.m} }

func (p ownSolver) capture(c *capture) error {
	if _, err := c.params(p.name, p.order, p.m); err != nil {
		return fmt.Errorf("part %q: %w", p.name, err)
	}
	raw, err := p.s.MarshalJSON()
	if err != nil {
		return fmt.Errorf("part %q: %w", p.name, err)
	}
	c.json(p.name, raw)
	return c.slots(p.name, walk(p.s, len(c.memo.files[p.name].of)), func() checkpoint.Model { return p.s })
}

func (p ownSolver) stage(ctx context.Context, from *saved) (func() error, error) {
	var raw json.RawMessage
	if err := from.decode(p.name, &raw); err != nil {
		return nil, err
	}
	before, err := p.s.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	if err := errors.Join(p.s.UnmarshalJSON(raw), p.s.UnmarshalJSON(before)); err != nil {
		return nil, fmt.Errorf("part %q: %w", p.name, err)
	}
	from.changedSettings(p.name, ownSettings(raw), ownSettings(before))
	commit := func() error { return nil }
	if from.has(p.name) {
		if commit, err = (tensors{name: p.name, m: p.s}).stage(ctx, from); err != nil {
			return nil, err
		}
	}
	return func() error {
		if err := p.s.UnmarshalJSON(raw); err != nil {
			return errors.Join(fmt.Errorf("part %q: %w", p.name, err), p.s.UnmarshalJSON(before))
		}
		return commit()
	}, nil
}

// ownSettings are the numbers under "settings" in the JSON of a StatefulSolver, if it has such.
func ownSettings(raw []byte) map[string]jsonfloat.Float {
	var state struct {
		Settings map[string]jsonfloat.Float `json:"settings"`
	}
	if json.Unmarshal(raw, &state) != nil {
		return nil // of another form, which is the solver's business
	}
	return state.Settings
}
