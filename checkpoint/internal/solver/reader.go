package solver

// This file is reading one solver again and again.

import (
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// A Reader reads a solver again and again. Of a parameter and slots that are the same as the last time,
// and lie in memory as they did then, it gives the same map, which must not be changed, and
// checks nothing again: that is what most of the time of Read goes into. It is for one goroutine.
type Reader struct {
	typ  reflect.Type
	kind *kind
	last []known // by position
}

// Read is the function Read. What it returns the next time may share maps with what it has returned.
func (rd *Reader) Read(s gorgonia.Solver, order []gorgonia.ValueGrad) (*State, error) {
	fields, err := rd.recognize(s)
	if err != nil {
		return nil, err
	}
	k := rd.kind
	st := &State{Kind: k.name, Settings: map[string]float64{}, Numbers: map[string]float64{}}
	k.readNumbers(fields, st)
	r := &reader{
		problems: problems{kind: k.name}, order: order,
		slots: make([]map[string]gorgonia.Value, len(order)), before: rd.last, now: make([]known, len(order)),
	}
	switch {
	case k.memory == "":
	case k.byNode():
		r.byNode(k, fields.get(k.memory))
	default:
		r.byPosition(k, fields.get(k.memory))
	}
	rd.last = r.now
	if err := r.err(); err != nil {
		return nil, err
	}
	st.Slots = r.slots
	return st, nil
}

// recognize finds s in the table, unless it is of the type of the last one.
func (rd *Reader) recognize(s gorgonia.Solver) (private, error) {
	if typ := reflect.TypeOf(s); typ != nil && typ == rd.typ && !isNil(s) {
		return private{reflect.ValueOf(s).Elem()}, nil
	}
	*rd = Reader{}
	k, fields, err := recognize(s)
	if err == nil {
		rd.typ, rd.kind = reflect.TypeOf(s), k
	}
	return fields, err
}

// known is a parameter whose slots were found to be right.
type known struct {
	param seen
	slots []seen // in the order of kind.slots
	of    map[string]gorgonia.Value
}

// seen is a value, and where its numbers were.
type seen struct {
	value  gorgonia.Value
	memory memory
}

// asBefore takes the slots of position i, which e points to, from the last reading, if they are the same.
func (r *reader) asBefore(i int, e reflect.Value) bool {
	if i >= len(r.before) || r.before[i].of == nil || isNil(r.order[i]) {
		return false
	}
	before := r.before[i]
	if !before.param.still(r.order[i].Value()) {
		return false
	}
	for j, slot := range before.slots {
		if !slot.still(slotOf(e, j)) {
			return false
		}
	}
	r.slots[i], r.now[i] = before.of, before
	return true
}

// still reports whether v is the value that was seen, with its numbers where they were.
func (s seen) still(v gorgonia.Value) bool {
	switch t := v.(type) {
	case *tensor.Dense:
		return s.value == v && t != nil && s.memory.is(t)
	case *gorgonia.F32, *gorgonia.F64:
		return s.value == v && !isNil(v)
	}
	return false
}

// is reports whether m is what denseMemory would say of t, of which it was said before.
func (m memory) is(t *tensor.Dense) bool {
	shape, strides := t.Shape(), t.Strides()
	if len(shape) != len(m.layout.Axes) || len(strides) != len(shape) {
		return false
	}
	for k, axis := range m.layout.Axes {
		if axis != (strided.Axis{N: int64(shape[k]), Stride: int64(strides[k])}) {
			return false
		}
	}
	return len(t.Raw) == len(m.raw) && unsafe.SliceData(t.Raw) == unsafe.SliceData(m.raw) &&
		t.Dtype() == m.dtype && t.IsNativelyAccessible() && !(t.IsMasked() && len(t.Raw) > 0)
}

// slotOf is a slot of the struct that e points to.
func slotOf(e reflect.Value, j int) gorgonia.Value {
	v, _ := unlocked(e.Elem().Field(j)).Interface().(gorgonia.Value)
	return v
}
