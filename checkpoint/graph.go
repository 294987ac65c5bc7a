package checkpoint

// This file looks for what goes wrong in a graph by its names. Gorgonia finds
// nodes by name and by a 32-bit hash, and asks no further.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
)

// GraphError lists what [CheckGraph] found.
type GraphError struct {
	// Names are borne by more than one variable each; sorted.
	Names []string
	// Collisions holds, for each hash that several nodes share, the names of
	// those nodes in order of creation.
	Collisions [][]string
}

// Error lists all faults.
func (e *GraphError) Error() string {
	var faults []string
	for _, name := range e.Names {
		faults = append(faults, fmt.Sprintf("several variables are named %q", name))
	}
	for _, names := range e.Collisions {
		faults = append(faults, fmt.Sprintf("nodes %q have one hash and a machine would compute them as one", names))
	}
	return fmt.Sprintf("checkpoint: graph with %d fault(s), give other names: %s",
		len(faults), strings.Join(faults, "; "))
}

// CheckGraph reports, as one [*GraphError], everything in g that its names make
// ambiguous. Call it when the graph is complete, gradients included, and before a
// machine is made. It says nothing about a graph that is well.
//
//   - Two variables with one name. Gorgonia allows it when their shapes or dtypes
//     differ; a file cannot tell them apart. (Where those are equal too, the second
//     is not made at all: both are the first node, and the second value is lost.
//     There is then nothing left to find.)
//   - Two nodes with one 32-bit hash. [gorgonia.NewTapeMachine] takes them for the
//     same node without a further look, and computes the first in place of both.
//     The odds are about n²/2³³ for n nodes, 0.4 % for 6000, and the same in every
//     run, since names, shapes and ops are all that is hashed. Another name for one
//     of the variables involved cures it.
//
// It must not run while the graph is being built or run.
func CheckGraph(g *gorgonia.ExprGraph) error {
	if g == nil {
		return fmt.Errorf("checkpoint: cannot check a nil graph")
	}
	e := &GraphError{Names: sharedNames(g), Collisions: sharedHashes(g)}
	if len(e.Names) == 0 && len(e.Collisions) == 0 {
		return nil
	}
	return e
}

// sharedNames are the names of more than one leaf variable. Variables without a
// name are left out: inputs often have none, and no file asks for them.
func sharedNames(g *gorgonia.ExprGraph) []string {
	count := map[string]int{}
	for _, n := range g.AllNodes() {
		if n.IsVar() && !unnamed(n) {
			count[n.Name()]++
		}
	}
	maps.DeleteFunc(count, func(_ string, n int) bool { return n == 1 })
	return slices.Sorted(maps.Keys(count))
}

// sharedHashes are the names of nodes that share a hash, in order of creation.
func sharedHashes(g *gorgonia.ExprGraph) [][]string {
	byHash := map[uint32][]string{}
	var order []uint32
	for _, n := range g.AllNodes() {
		h := n.Hashcode()
		if byHash[h] = append(byHash[h], n.Name()); len(byHash[h]) == 2 {
			order = append(order, h)
		}
	}
	var shared [][]string
	for _, h := range order {
		shared = append(shared, byHash[h])
	}
	return shared
}

// unnamed reports whether n was made without a name. Gorgonia then prints one from
// the op, "op(%1, %2)", and for a variable, which has no op, "%!s(<nil>)()".
func unnamed(n *gorgonia.Node) bool {
	return n == nil || strings.HasPrefix(n.Name(), fmt.Sprintf("%s(", n.Op()))
}
