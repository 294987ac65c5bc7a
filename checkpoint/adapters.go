package checkpoint

// This file makes models of what Gorgonia programs have at hand: nodes, graphs,
// maps of values, and other models. None of them copies a tensor or keeps one:
// values are looked up at each save or load.

import (
	"iter"
	"maps"
	"reflect"
	"slices"

	"gorgonia.org/gorgonia"
)

// FromNodes is the model of the given nodes; each one's name is its node name
// ([gorgonia.WithName]), which is thereby part of the file. A node given twice
// counts once. Nodes without a name, and nil, are refused when the model is
// saved or loaded.
//
// Gorgonia does not keep node names unique: see [CheckGraph].
func FromNodes(n ...*gorgonia.Node) Model {
	nodes := slices.Clone(n)
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		yieldNodes(slices.Values(nodes), yield)
	})
}

// FromGraph is the model of the leaf variables of g for which keep is true, under
// their node names. It asks again at each save or load, so nodes made later count.
//
// A nil keep takes the variables that have a derivative, which after
// [gorgonia.Grad] are those it was asked for: the learnables, without inputs and
// labels. Before Grad, and on a graph that is only evaluated, that is none. The
// statistics of batch normalisations are no nodes: see [FromBatchNorm].
func FromGraph(g *gorgonia.ExprGraph, keep func(*gorgonia.Node) bool) Model {
	if keep == nil {
		keep = func(n *gorgonia.Node) bool { return n.Deriv() != nil }
	}
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		yieldNodes(leafVariables(g, keep), yield)
	})
}

// leafVariables walks the leaf variables of g that are kept, in creation order. A nil
// graph has none.
func leafVariables(g *gorgonia.ExprGraph, keep func(*gorgonia.Node) bool) iter.Seq[*gorgonia.Node] {
	return func(yield func(*gorgonia.Node) bool) {
		if g == nil {
			return
		}
		for _, n := range g.AllNodes() {
			if n.IsVar() && keep(n) && !yield(n) {
				return
			}
		}
	}
}

// yieldNodes yields each node once, under "" if it has no name.
func yieldNodes(nodes iter.Seq[*gorgonia.Node], yield func(string, gorgonia.Valuer) bool) {
	seen := map[*gorgonia.Node]bool{}
	for n := range nodes {
		if seen[n] && n != nil {
			continue
		}
		seen[n] = true
		name := ""
		if !unnamed(n) {
			name = n.Name()
		}
		if !yield(name, n) {
			return
		}
	}
}

// FromMap is the model of the nodes, or other Valuers, in m; the keys are the
// names, and node names play no part. The map is read at each save or load, not
// copied.
func FromMap[V gorgonia.Valuer](m map[string]V) Model {
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, m[name]) {
				return
			}
		}
	})
}

// FromValues is the model of tensors, or other values of Gorgonia, kept without
// nodes: several graphs may be built on them with [gorgonia.NodeFromAny]. The keys
// are the names. The map is read at each save or load, not copied.
func FromValues[V gorgonia.Value](m map[string]V) Model {
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			if !yield(name, valuerOf(m[name])) {
				return
			}
		}
	})
}

// heldValue makes a Valuer of a value that has no node.
type heldValue struct{ value gorgonia.Value }

func (h heldValue) Value() gorgonia.Value { return h.value }

// valuerOf is nil for a nil value, and for a nil pointer in one, so that the
// reader of a StateDict has one thing to ask.
func valuerOf(v gorgonia.Value) gorgonia.Valuer {
	if isNilPointer(v) {
		return nil
	}
	return heldValue{v}
}

func isNilPointer(x any) bool {
	v := reflect.ValueOf(x)
	return !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil()
}

// Group is the model of all parts. A parameter's name is its part's key, a dot,
// and its name in the part; under the key "" it keeps its name:
//
//	checkpoint.Group(map[string]checkpoint.Model{
//		"encoder": encoder, // encoder.weight, encoder.bias
//		"":        checkpoint.FromNodes(temperature),
//	})
//
// Parts come in the order of their keys. The map is read at each save or load,
// not copied. A nil part is refused then.
func Group(parts map[string]Model) Model {
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		for _, prefix := range slices.Sorted(maps.Keys(parts)) {
			if !yieldPart(prefix, parts[prefix], yield) {
				return
			}
		}
	})
}

// yieldPart yields the state of m with a prefix; false means the walk is over.
func yieldPart(prefix string, m Model, yield func(string, gorgonia.Valuer) bool) bool {
	if isNilPointer(m) {
		return yield(prefix, nil)
	}
	for name, v := range stateOf(m) {
		if !yield(joinName(prefix, name), v) {
			return false
		}
	}
	return true
}

// joinName puts a prefix before a name. What has no name gets none by its prefix:
// an unnamed node stays unnamed, and is refused.
func joinName(prefix, name string) string {
	if prefix == "" || name == "" {
		return name
	}
	return prefix + "." + name
}
