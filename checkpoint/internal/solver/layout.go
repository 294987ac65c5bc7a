package solver

// This file finds out which solver it is, and refuses one whose fields are not those of
// the table. It and memory.go are where unsafe is used.

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/gorgonia"
)

// ErrUnknown says that a solver is none of Gorgonia's own.
var ErrUnknown = errors.New("not one of Gorgonia's own solvers")

// A LayoutError is a solver of Gorgonia's in another version than the one known here.
type LayoutError struct {
	Solver    string // "gorgonia.AdamSolver"
	Field     string // the first that differs: "iter", or "cache[].d" in what it has for each parameter
	Got, Want string // types; "" for no such field
}

func (e *LayoutError) Error() string {
	return fmt.Sprintf("%s is not as in Gorgonia %s, the version whose solvers can be saved: its field %s is %s, want %s",
		e.Solver, knownVersion, e.Field, orNone(e.Got), orNone(e.Want))
}

func orNone(typ string) string {
	if typ == "" {
		return "not there"
	}
	return "a " + typ
}

// private is a struct of Gorgonia's whose layout was checked.
type private struct{ v reflect.Value }

// get is a field, which may be read and set.
func (p private) get(name string) reflect.Value { return unlocked(p.v.FieldByName(name)) }

// unlocked is a field that may be read and set though it is not exported. The struct must
// be addressable.
func unlocked(f reflect.Value) reflect.Value {
	return reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem()
}

// recognize finds s in the table and checks that the table knows its fields.
func recognize(s gorgonia.Solver) (*kind, private, error) {
	v := reflect.ValueOf(s)
	if isNil(s) {
		return nil, private{}, fmt.Errorf("%w: a nil %T", ErrUnknown, s)
	}
	for i := range kinds {
		if k := &kinds[i]; v.Type() == reflect.PointerTo(k.typ) {
			return k, private{v.Elem()}, k.check(k.typ)
		}
	}
	return nil, private{}, fmt.Errorf("%w: a %T", ErrUnknown, s)
}

// isNil reports whether x is nil, or an interface around a nil pointer.
func isNil(x any) bool {
	v := reflect.ValueOf(x)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// check compares the fields of t, and those of what it has for each parameter, with the
// table.
func (k *kind) check(t reflect.Type) error {
	if err := checkFields(t.String(), "", t, k.fields); err != nil || k.memory == "" {
		return err
	}
	memory, _ := t.FieldByName(k.memory) // is there, as the check says
	return checkFields(t.String(), k.memory+"[].", memory.Type.Elem().Elem(), k.entry)
}

// checkFields finds the first field of t that is not as wanted: one more, one less, or of
// another name, type or place.
func checkFields(solver, path string, t reflect.Type, want []field) error {
	for i := range max(t.NumField(), len(want)) {
		var got, wanted field
		if i < t.NumField() {
			got = plain(t.Field(i).Name, t.Field(i).Type.String())
		}
		if i < len(want) {
			wanted = plain(want[i].name, want[i].typ)
		}
		if got.name != wanted.name {
			return differing(solver, path, got, wanted)
		}
		if got.typ != wanted.typ {
			return &LayoutError{Solver: solver, Field: path + got.name, Got: got.typ, Want: wanted.typ}
		}
	}
	return nil
}

// differing is the error for two names at one place.
func differing(solver, path string, got, want field) error {
	if want.name == "" {
		return &LayoutError{Solver: solver, Field: path + got.name, Got: got.typ}
	}
	e := &LayoutError{Solver: solver, Field: path + want.name, Want: want.typ}
	if got.name != "" {
		e.Got = got.typ + " named " + got.name
	}
	return e
}
