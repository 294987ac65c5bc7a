package checkpoint

// This file makes a model of a struct as Gorgonia programs write it: nodes and
// values in fields, mostly not exported. struct_walk.go goes through one,
// struct_types.go says which types that is worth.

import (
	"fmt"
	"iter"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"gorgonia.org/gorgonia"
)

// tagKey is the key of the struct tag that names a field, or with "-" leaves it out.
const tagKey = "checkpoint"

// FromStruct is the model of all tensors in the struct that ptr points to. Fields
// count whether exported or not:
//
//	type net struct {
//		g      *gorgonia.ExprGraph               // not a tensor: passed over
//		x      *gorgonia.Node `checkpoint:"-"`   // an input: left out by its tag
//		embed  *gorgonia.Node `checkpoint:"wte"` // wte
//		layers []*layer                          // layers.0.w, layers.0.bn.running_mean, ...
//		out    *gorgonia.Node                    // the result of an op: passed over
//	}
//
// Names are part of the file and never change: segments joined by dots, where
//
//   - a field is its tag `checkpoint:"name"`, which may itself have dots, else its
//     Go name as it is written;
//   - an embedded struct or Model without a tag adds no segment, like a struct in
//     encoding/json; anything else embedded is named by its type;
//   - an element of a slice, an array or [gorgonia.Nodes] is its index, from 0;
//   - a value of a map with string keys is its key; maps come in key order;
//   - pointers and interfaces add nothing;
//   - a *gorgonia.BatchNormOp ends in running_mean and running_var;
//   - a [Model] has its own names after the field's.
//
// What counts as a tensor:
//
//   - a *gorgonia.Node that is a leaf variable. Inputs and labels are such too, and
//     nothing tells them from weights: give them the tag "-". Results of ops and
//     constants are passed over;
//   - a [gorgonia.Value], such as a *tensor.Dense, also in an interface; but not the
//     variable that [gorgonia.Read] fills, if that graph or a node of it is in the struct;
//   - any other [gorgonia.Valuer], whatever else it holds: a type that embeds a
//     *gorgonia.Node is one tensor;
//   - a *gorgonia.BatchNormOp.
//
// A type with a StateDict method speaks for itself and is not looked into, but for
// the struct itself: its own StateDict may be made with FromStruct. Nil anywhere is
// passed over. What else Gorgonia declares (graphs, machines, solvers) is not looked
// into, nor are locks, lists, contexts, clients and their like from the standard
// library, nor channels and functions. A way that leads back to where it came through
// ends there; a child with a StateDict of its own must not yield its parent.
//
// The walk is made anew at each save or load, so fields may be set later and are
// read then: no other goroutine may write them meanwhile. FromStruct makes it once
// and reports, all together: a name found twice, a tag on a field that can hold no
// tensor or holds the result of an op, tags and map keys that make no name (empty
// segments, invalid UTF-8, in a tag also a comma), tensors in a map whose keys are no
// strings, numbers (such as a gorgonia.F32, not a pointer to one) in a map or an
// interface, where they cannot be written, and more than 262144 things to look at.
func FromStruct(ptr any) (Model, error) {
	v := reflect.ValueOf(ptr)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, fmt.Errorf("checkpoint: FromStruct wants a pointer to a struct that is not nil, got %s", describeArg(v))
	}
	if t := v.Type().Elem(); !isEntered(t) || !fieldsReachTensor(t, map[reflect.Type]bool{}) {
		return nil, fmt.Errorf("checkpoint: FromStruct(%v): no field can hold a tensor", v.Type())
	}
	w := walkStruct(v.Elem())
	if problems := slices.Concat(w.problems, repeatedNames(w.entries)); len(problems) > 0 {
		return nil, fmt.Errorf("checkpoint: FromStruct(%v): %d problem(s): %s",
			v.Type(), len(problems), strings.Join(problems, "; "))
	}
	return structModel{v.Elem()}, nil
}

func describeArg(v reflect.Value) string {
	switch {
	case !v.IsValid():
		return "nil"
	case v.Kind() == reflect.Pointer && v.IsNil():
		return fmt.Sprintf("a nil %v", v.Type())
	}
	return fmt.Sprintf("a %v", v.Type())
}

// structModel walks a struct at each call of StateDict.
type structModel struct {
	root reflect.Value // the struct, addressable
}

func (m structModel) StateDict() iter.Seq2[string, gorgonia.Valuer] {
	return func(yield func(string, gorgonia.Valuer) bool) {
		for _, e := range walkStruct(m.root).entries {
			if !yield(e.name, e.valuer) {
				return
			}
		}
	}
}

// repeatedNames gives one sentence for each name that several entries have.
func repeatedNames(entries []foundTensor) []string {
	paths := map[string][]string{}
	for _, e := range entries {
		// Nothing at a name is a problem of its own, and what a Model in the struct
		// yields without a name is refused with the rest of what it yields.
		if e.name != "" && e.valuer != nil {
			paths[e.name] = append(paths[e.name], e.path)
		}
	}
	var problems []string
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		if p := paths[name]; len(p) > 1 {
			problems = append(problems, fmt.Sprintf("name %q stands for %s", name, strings.Join(p, " and ")))
		}
	}
	return problems
}

// nameFault says what is wrong with a piece of a name, or "".
func nameFault(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case slices.Contains(strings.Split(s, "."), ""):
		return "has an empty segment"
	}
	return ""
}
