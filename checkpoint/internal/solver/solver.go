package solver

// This file is the state of a solver, and reading it.

import (
	"fmt"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"
)

// A State is what a solver remembers between two Steps, by position in the slice given to
// Step.
type State struct {
	// Kind is the solver's name in the format: "adam", "momentum", ...
	Kind string
	// Settings are the hyperparameters as they are now, for reports; Prepare ignores them.
	// Those not in use, such as a clip that was never set, are left out. They need not be
	// finite.
	Settings map[string]float64
	// Numbers is state that is no tensor: "step" (a whole number) and "eta" (any float64).
	Numbers map[string]float64
	// Slots has one entry for each position: values by the slot's name, empty where the
	// solver remembers nothing of the parameter. From Read, they are the solver's own
	// memory: valid until its next Step, which may write them or give them to another
	// tensor. Each has the dtype and shape of its parameter; a tensor need not be row-major.
	Slots []map[string]gorgonia.Value
	// Owned says that the slots' values are nobody else's, and that Prepare may give them to the
	// solver instead of copies. From Read they are not.
	Owned bool
}

// Read reads what s remembers of the parameters in order, which must be the slice given to
// Step. It copies no tensor and changes nothing; it must not run beside a Step. Errors are
// ErrUnknown, *LayoutError, and *MismatchError where s has stepped on something else than
// order.
func Read(s gorgonia.Solver, order []gorgonia.ValueGrad) (*State, error) {
	return new(Reader).Read(s, order)
}

// readNumbers sorts the plain fields into settings and numbers.
func (k *kind) readNumbers(v private, st *State) {
	stepped := k.memory != "" && !v.get(k.memory).IsNil()
	for _, f := range k.fields {
		switch {
		case f.number != "" && (f.setting == "" || stepped):
			st.Numbers[f.number] = asFloat(v.get(f.name))
		case f.setting != "" && (f.when == "" || v.get(f.when).Bool()):
			st.Settings[f.setting] = asFloat(v.get(f.name))
		}
	}
}

// asFloat is exact: counts of steps stay far below 2^53.
func asFloat(v reflect.Value) float64 {
	if v.CanInt() {
		return float64(v.Int())
	}
	return v.Float()
}

// A reader collects slots and what is wrong with them.
type reader struct {
	problems
	order       []gorgonia.ValueGrad
	slots       []map[string]gorgonia.Value
	before, now []known // by position; now is zero where something is wrong
}

// byPosition reads a slice of *dualValue.
func (r *reader) byPosition(k *kind, cache reflect.Value) {
	for i := range cache.Len() {
		switch {
		case cache.Index(i).IsNil():
		case i >= len(r.order):
			r.add(-1, "", "remembers %d parameters and was given %d: the order must be the slice given to Step", cache.Len(), len(r.order))
			return
		default:
			r.read(k, i, cache.Index(i))
		}
	}
}

// byNode reads a map from *gorgonia.Node to *adamwState.
func (r *reader) byNode(k *kind, states reflect.Value) {
	if states.Len() == 0 {
		return
	}
	given := make(map[*gorgonia.Node]bool, len(r.order))
	for i, p := range r.order {
		n, ok := p.(*gorgonia.Node)
		if !ok || n == nil {
			r.add(i, "", "is %s, and this solver steps on nodes only", describe(p))
			continue
		}
		given[n] = true
		if e := states.MapIndex(reflect.ValueOf(n)); e.IsValid() && !e.IsNil() {
			r.read(k, i, e)
		}
	}
	var others []string
	for _, key := range states.MapKeys() {
		if n, ok := key.Interface().(*gorgonia.Node); ok && !given[n] {
			others = append(others, nodeName(n))
		}
	}
	slices.Sort(others)
	for _, name := range others {
		r.add(-1, "", "remembers the node %q, which was not given: the order must be the slice given to Step", name)
	}
}

// read reads the slots of position i out of the struct that e points to.
func (r *reader) read(k *kind, i int, e reflect.Value) {
	if r.asBefore(i, e) {
		return
	}
	param, err := memoryOfParam(r.order[i])
	if err != nil {
		r.add(i, "", "%v", err)
		return
	}
	before := len(r.list)
	slots, all := make(map[string]gorgonia.Value, len(k.slots)), make([]seen, len(k.slots))
	for j, name := range k.slots {
		v := slotOf(e, j)
		m, err := memoryOf(v)
		if err == nil {
			err = m.fits(param)
		}
		if err != nil {
			r.add(i, name, "%v", err)
		}
		slots[name], all[j] = v, seen{v, m}
	}
	r.slots[i] = slots
	if len(r.list) == before {
		r.now[i] = known{seen{r.order[i].Value(), param}, all, slots}
	}
}

// describe says what p is, for messages.
func describe(p gorgonia.ValueGrad) string {
	if isNil(p) {
		return "nil"
	}
	return fmt.Sprintf("a %T", p)
}
