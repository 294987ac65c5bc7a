package solver

// This file writes a state into a solver: all checks and copies first, then a write that
// cannot fail.

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Prepare checks that st fits s and order, the slice that Step will be given, copies it,
// and returns the write, which cannot fail. Neither s nor st is changed before write is
// called, and st is not kept: the solver gets tensors of its own, unless st.Owned. What s remembered before
// is dropped. A position without slots, among others that have some, is a new parameter: it
// begins as the solver lets any begin at its first Step.
//
// Slots may be of any layout, and F32 or F64 where the parameter is a tensor without axes,
// or the reverse. Parameters with slots must have values. Errors are ErrUnknown,
// *LayoutError and *MismatchError, which has all problems at once; write is nil then.
func Prepare(s gorgonia.Solver, order []gorgonia.ValueGrad, st *State) (write func(), err error) {
	k, fields, err := recognize(s)
	if err != nil {
		return nil, err
	}
	p := &preparation{problems: problems{kind: k.name}, kind: k, fields: fields, order: order, owned: st != nil && st.Owned}
	switch {
	case st == nil:
		p.add(-1, "", "has no state to be set to")
	case st.Kind != k.name:
		p.add(-1, "", "cannot have the state of a solver %q", st.Kind)
	case len(st.Slots) != len(order):
		p.add(-1, "", "has a state for %d parameters and was given %d", len(st.Slots), len(order))
		p.numbers(st)
	default:
		p.numbers(st)
		p.slots(st.Slots)
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return func() {
		for _, set := range p.writes {
			set()
		}
	}, nil
}

// A preparation collects writes, and what is wrong.
type preparation struct {
	problems
	kind   *kind
	fields private
	order  []gorgonia.ValueGrad
	owned  bool
	writes []func()
}

// later has the write set a field.
func (p *preparation) later(name string, v reflect.Value) {
	f := p.fields.get(name)
	p.writes = append(p.writes, func() { f.Set(v) })
}

// begun reports whether any parameter has slots.
func begun(slots []map[string]gorgonia.Value) bool {
	return slices.ContainsFunc(slots, func(m map[string]gorgonia.Value) bool { return len(m) > 0 })
}

func (p *preparation) numbers(st *State) {
	known := map[string]bool{}
	for _, f := range p.kind.fields {
		if f.number == "" {
			continue
		}
		known[f.number] = true
		if f.setting != "" && !begun(st.Slots) {
			continue // still a setting
		}
		x, ok := st.Numbers[f.number]
		switch {
		case !ok:
			p.add(-1, "", "has a state without the number %q", f.number)
		case f.number == stepNumber && !isCount(x):
			p.add(-1, "", "cannot have taken %v steps", x)
		default:
			p.later(f.name, reflect.ValueOf(x).Convert(p.fields.get(f.name).Type()))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(st.Numbers)) {
		if !known[name] {
			p.add(-1, "", "has no number %q", name)
		}
	}
}

// isCount reports whether x is a number of steps that an int and a float64 hold exactly.
func isCount(x float64) bool {
	return x >= 0 && x <= min(1<<53, math.MaxInt) && x == math.Trunc(x)
}

func (p *preparation) slots(slots []map[string]gorgonia.Value) {
	begun := begun(slots)
	entries := make([]*entry, len(slots))
	for i, s := range slots {
		if _, ok := p.order[i].(*gorgonia.Node); p.kind.byNode() && (!ok || isNil(p.order[i])) {
			p.add(i, "", "is %s, and this solver steps on nodes only", describe(p.order[i]))
			continue
		}
		switch {
		case len(s) > 0:
			entries[i] = p.entry(i, s)
		case begun && p.kind.whole:
			p.add(i, "", "has no slots, and this solver cannot begin with one parameter more")
		}
	}
	switch {
	case p.kind.memory == "" || len(p.list) > 0:
	case p.kind.byNode():
		p.byNode(entries)
	default:
		p.byPosition(entries, begun)
	}
}

// An entry is new values for the slots of one parameter, in the order of the kind's.
type entry struct {
	values   []gorgonia.Value
	memories []memory
}

// entry checks and copies the slots of position i.
func (p *preparation) entry(i int, slots map[string]gorgonia.Value) *entry {
	for _, name := range slices.Sorted(maps.Keys(slots)) {
		if !slices.Contains(p.kind.slots, name) {
			p.add(i, name, "is none of this solver's slots")
		}
	}
	param, err := memoryOfParam(p.order[i])
	if err != nil {
		p.add(i, "", "%v", err)
		return nil
	}
	e := &entry{}
	for _, name := range p.kind.slots {
		from, err := memoryOf(slots[name])
		if err == nil {
			err = from.fits(param)
		}
		if err != nil {
			p.add(i, name, "%v", err)
			continue
		}
		if p.owned && alike(slots[name], p.order[i].Value()) {
			e.keep(slots[name], from)
		} else {
			e.add(p.fresh(i), from)
		}
	}
	return e
}

// alike reports whether a is a tensor as fresh would make it for the parameter b: row-major both, of
// one engine, and not a view of another tensor.
func alike(a, b gorgonia.Value) bool {
	x, ok := a.(*tensor.Dense)
	y, also := b.(*tensor.Dense)
	return ok && also && reflect.TypeOf(x.Engine()) == reflect.TypeOf(y.Engine()) && !x.IsView() && !y.IsView() &&
		x.DataOrder() == y.DataOrder() && x.DataOrder().IsRowMajor() && x.DataOrder().IsContiguous() &&
		slices.Equal(x.Shape(), y.Shape()) && slices.Equal(x.Strides(), y.Strides())
}

// keep takes v, whose memory is m, as it is.
func (e *entry) keep(v gorgonia.Value, m memory) {
	e.values = append(e.values, v)
	e.memories = append(e.memories, m)
}

// add takes v, which nobody else has, and sets it to from.
func (e *entry) add(v gorgonia.Value, from memory) {
	m, _ := memoryOf(v) // like a parameter, whose memory was looked at
	m.set(from)
	e.keep(v, m)
}

// fresh is a new value like parameter i, as the solver would make it at its first Step:
// AdamW makes row-major tensors, the others clones of the parameter, laid out as it is.
func (p *preparation) fresh(i int) gorgonia.Value {
	v := p.order[i].Value()
	if p.kind.byNode() {
		return tensor.New(tensor.Of(v.Dtype()), tensor.WithShape(v.Shape().Clone()...))
	}
	switch t := v.(type) {
	case *gorgonia.F32:
		return gorgonia.NewF32(0)
	case *gorgonia.F64:
		return gorgonia.NewF64(0)
	default:
		return t.(*tensor.Dense).Clone().(*tensor.Dense)
	}
}

// byPosition sets a slice of *dualValue. Where there is no entry it stays nil, for the
// solver to make one.
func (p *preparation) byPosition(entries []*entry, begun bool) {
	t := p.fields.get(p.kind.memory).Type()
	if !begun {
		p.later(p.kind.memory, reflect.Zero(t))
		return
	}
	cache := reflect.MakeSlice(t, len(entries), len(entries))
	for i, e := range entries {
		if e != nil {
			cache.Index(i).Set(e.make(t.Elem().Elem()))
		}
	}
	p.later(p.kind.memory, cache)
}

// byNode sets a map from *gorgonia.Node to *adamwState.
func (p *preparation) byNode(entries []*entry) {
	t := p.fields.get(p.kind.memory).Type()
	states := reflect.MakeMap(t)
	first := map[*gorgonia.Node]int{}
	for i, e := range entries {
		n := p.order[i].(*gorgonia.Node) // as slots has checked
		if j, again := first[n]; again {
			p.same(entries, j, i)
			continue
		}
		first[n] = i
		if e == nil {
			continue
		}
		e.values = append(e.values, p.fresh(i)) // denom
		states.SetMapIndex(reflect.ValueOf(n), e.make(t.Elem().Elem()))
	}
	p.later(p.kind.memory, states)
}

// same checks that two positions of one node have the same slots.
func (p *preparation) same(entries []*entry, i, j int) {
	a, b := entries[i], entries[j]
	if a == nil && b == nil {
		return
	}
	if a == nil || b == nil || !slices.EqualFunc(a.memories, b.memories, equal) {
		p.add(j, "", "is the same node as parameter %d, and has other slots", i)
	}
}

func equal(a, b memory) bool { return bytes.Equal(a.packed(), b.packed()) }

// make is a pointer to a new struct of type t whose first fields are the values.
func (e *entry) make(t reflect.Type) reflect.Value {
	s := reflect.New(t)
	for i, v := range e.values {
		unlocked(s.Elem().Field(i)).Set(reflect.ValueOf(v))
	}
	return s
}
