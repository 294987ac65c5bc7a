package checkpoint

// This file has what the tests of the adapters share.

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// namesIn lists the names of a model in the order of its walk.
func namesIn(m Model) []string {
	names := []string{}
	for name := range m.StateDict() {
		names = append(names, name)
	}
	return names
}

// valuersIn collects a walk; every name must be there once.
func valuersIn(t *testing.T, m Model) map[string]gorgonia.Valuer {
	t.Helper()
	all := map[string]gorgonia.Valuer{}
	for name, v := range m.StateDict() {
		require.NotContains(t, all, name)
		all[name] = v
	}
	return all
}

// floats makes a tensor of the given numbers.
func float32s(x ...float32) *tensor.Dense {
	return tensor.New(tensor.WithShape(len(x)), tensor.WithBacking(x))
}

// namedVector makes a variable of one element.
func namedVector(g *gorgonia.ExprGraph, name string) *gorgonia.Node {
	return gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(1), gorgonia.WithName(name),
		gorgonia.WithInit(gorgonia.Zeroes()))
}

// someModels has one of each adapter, all with several names.
func someModels(t *testing.T) map[string]Model {
	g := gorgonia.NewGraph()
	nodes := []*gorgonia.Node{namedVector(g, "a"), namedVector(g, "b"), namedVector(g, "c")}
	values := map[string]*tensor.Dense{"x": float32s(1), "y": float32s(2), "z": float32s(3)}
	fromStruct, err := FromStruct(&struct{ A, B, C *gorgonia.Node }{nodes[0], nodes[1], nodes[2]})
	require.NoError(t, err)
	return map[string]Model{
		"nodes":  FromNodes(nodes...),
		"graph":  FromGraph(g, func(*gorgonia.Node) bool { return true }),
		"map":    FromMap(map[string]*gorgonia.Node{"a": nodes[0], "b": nodes[1], "c": nodes[2]}),
		"values": FromValues(values),
		"norms":  FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": {}, "2": {}}),
		"struct": fromStruct,
		"group":  Group(map[string]Model{"p": FromNodes(nodes...), "q": nil, "r": FromValues(values)}),
	}
}

// Whoever reads a StateDict may stop anywhere; going on would panic.
func TestModelsStopWhenTold(t *testing.T) {
	for kind, m := range someModels(t) {
		all := namesIn(m)
		require.GreaterOrEqual(t, len(all), 3, kind)
		for stop := range all {
			var got []string
			for name := range m.StateDict() {
				if got = append(got, name); len(got) == stop+1 {
					break
				}
			}
			require.Equal(t, all[:stop+1], got, kind)
		}
	}
}

func TestModelsMayBeWalkedAgain(t *testing.T) {
	for kind, m := range someModels(t) {
		require.Equal(t, namesIn(m), namesIn(m), kind)
	}
}

// noModel is a user's Model that has nothing to give.
type noModel struct{}

func (noModel) StateDict() iter.Seq2[string, gorgonia.Valuer] { return nil }

func TestNilIteratorIsEmpty(t *testing.T) {
	require.Empty(t, namesIn(Group(map[string]Model{"a": noModel{}})))

	m, err := FromStruct(&struct{ Part noModel }{})
	require.NoError(t, err)
	require.Empty(t, namesIn(m))
}
