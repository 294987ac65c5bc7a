package runs

// This file spares working out at every save what was the same at the last one: the lists of
// tensors, and the names of a solver's parameters. Without it, a state of many small tensors
// would stop training for a millisecond or more, however few bytes it has.

import (
	"reflect"
	"slices"
	"unsafe"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/internal/solver"
)

// A memo remembers the last capture. It is the loop's, as captures are.
type memo struct {
	files   map[string]keptFile
	params  map[string]keptParams
	solvers map[string]*solver.Reader
}

// A keptFile is a file's tensors, and the values that they are of.
type keptFile struct {
	of   []mark
	file tensorFile
}

// keptParams are the names of a solver's parameters, and what they were found out from.
type keptParams struct {
	order, model []mark
	names        []string
	trained      map[string]bool
}

func newMemo() *memo {
	return &memo{map[string]keptFile{}, map[string]keptParams{}, map[string]*solver.Reader{}}
}

// reader is what reads the solver of a part.
func (m *memo) reader(part string) *solver.Reader {
	if m.solvers[part] == nil {
		m.solvers[part] = &solver.Reader{}
	}
	return m.solvers[part]
}

// A named is a value under a name, as a walk has found it; nil where there is none.
type named struct {
	name  string
	param string // the parameter that it belongs to, of a slot
	value gorgonia.Value
}

// walk lists what m has; most is how many values that may be.
func walk(m checkpoint.Model, most int) []named {
	all := make([]named, 0, most)
	if isNil(m) {
		return nil
	}
	if seq := m.StateDict(); seq != nil {
		for name, v := range seq {
			all = append(all, named{name: name, value: valueOf(v)})
		}
	}
	return all
}

// walkOrder lists the parameters of a solver, by position.
func walkOrder(order []gorgonia.ValueGrad) []named {
	all := make([]named, len(order))
	for i, p := range order {
		all[i].value = valueOf(p)
	}
	return all
}

func valueOf(v gorgonia.Valuer) gorgonia.Value {
	if isNil(v) {
		return nil
	}
	return v.Value()
}

func isNil(x any) bool {
	v := reflect.ValueOf(x)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// A mark is a value and how it lies in memory, by which it is known again.
type mark struct {
	name    string
	param   string
	dense   *tensor.Dense
	scalar  gorgonia.Scalar // where it is no tensor; a pointer
	raw     []byte          // of the tensor, like the rest
	dtype   tensor.Dtype
	shape   []int
	strides []int
}

// markAll marks values; nil where one could change without a trace.
func markAll(values []named) []mark {
	marks := make([]mark, len(values))
	for i, v := range values {
		var ok bool
		if marks[i], ok = markOf(v); !ok {
			return nil
		}
	}
	return marks
}

func markOf(v named) (m mark, ok bool) {
	if isNil(v.value) {
		return mark{}, false
	}
	switch value := v.value.(type) {
	case *tensor.Dense:
		return mark{
			name: v.name, param: v.param, dense: value, raw: value.Raw, dtype: value.Dtype(),
			shape: slices.Clone(value.Shape()), strides: slices.Clone(value.Strides()),
		}, plain(value)
	case gorgonia.Scalar:
		return mark{name: v.name, param: v.param, scalar: value}, reflect.TypeOf(value).Kind() == reflect.Pointer
	}
	return mark{}, false
}

// plain reports whether a tensor is nothing but its memory.
func plain(d *tensor.Dense) bool { return d.IsNativelyAccessible() && !d.IsMasked() }

// hold reports whether the marks are of these values, as they are now.
func hold(marks []mark, values []named) bool {
	if len(marks) != len(values) || len(marks) == 0 {
		return false
	}
	for i := range marks {
		if !marks[i].holds(values[i]) {
			return false
		}
	}
	return true
}

func (m *mark) holds(v named) bool {
	if m.name != v.name || m.param != v.param || isNil(v.value) {
		return false
	}
	switch value := v.value.(type) {
	case *tensor.Dense:
		return value == m.dense && sameBytes(value.Raw, m.raw) && value.Dtype() == m.dtype &&
			slices.Equal(m.shape, value.Shape()) && slices.Equal(m.strides, value.Strides()) && plain(value)
	case gorgonia.Scalar:
		return m.scalar != nil && value == m.scalar
	}
	return false
}

func sameBytes(a, b []byte) bool {
	return len(a) == len(b) && unsafe.SliceData(a) == unsafe.SliceData(b)
}
