package checkpoint

// This file is about the one kind of state that Gorgonia keeps outside of nodes:
// the running mean and variance inside each *gorgonia.BatchNormOp.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// The names of the statistics are PyTorch's, and part of the file.
const (
	runningMean = "running_mean"
	runningVar  = "running_var"
)

// FromBatchNorm is the model of the running statistics of batch normalisations:
// <key>.running_mean and <key>.running_var, each of shape (C), C being the number
// of channels; under the key "", those words alone. [gorgonia.BatchNorm] returns the
// op; a network without it evaluates with statistics it never learned. Scale and
// bias are ordinary nodes:
//
//	h, scale, bias, op, err := gorgonia.BatchNorm(x, scale, bias, 0.1, 1e-5)
//	model := checkpoint.FromBatchNorm(map[string]*gorgonia.BatchNormOp{"bn1": op})
//	model = checkpoint.Group(map[string]checkpoint.Model{"stats": model, "": checkpoint.FromNodes(scale, bias)})
//
// Two calls of BatchNorm with one x are one op in the graph, the first; the op that
// the second call returns is none of it and never changes.
//
// [gorgonia.NewTapeMachine] without EvalMode resets the statistics of every op in
// its graph to mean 0 and variance 1. So load after all machines are made, and
// save before another one is.
//
// The map is read at each save or load, not copied.
func FromBatchNorm(ops map[string]*gorgonia.BatchNormOp) Model {
	return modelFunc(func(yield func(string, gorgonia.Valuer) bool) {
		for _, key := range slices.Sorted(maps.Keys(ops)) {
			mean, variance := statsOf(ops[key])
			if !yield(joinName(key, runningMean), mean) || !yield(joinName(key, runningVar), variance) {
				return
			}
		}
	})
}

// statsOf gives the two statistics of op, or nil twice where there is no op.
func statsOf(op *gorgonia.BatchNormOp) (mean, variance gorgonia.Valuer) {
	if op == nil {
		return nil, nil
	}
	return runningStat{op: op}, runningStat{op: op, variance: true}
}

// runningStat is one statistic of op, asked for anew at each call of Value.
type runningStat struct {
	op       *gorgonia.BatchNormOp
	variance bool // else the mean
}

// Value is the live tensor, nil for an op that gorgonia.BatchNorm did not make.
func (s runningStat) Value() gorgonia.Value {
	t, variance := s.op.Stats()
	if s.variance {
		t = variance
	}
	if isNilPointer(t) {
		return nil
	}
	return t
}

// ErrBatchNorm is the kind of every [*BatchNormError].
var ErrBatchNorm = errors.New("batch normalisation without its running statistics")

// BatchNormError says that a model has nodes of graphs in which batch
// normalisations keep statistics that the model lacks: saved so, it would come
// back with the weights but not with what it needs to evaluate them.
type BatchNormError struct {
	// Nodes are the names of the nodes in question, which Gorgonia gives them,
	// with the name of the scale parameter where it has one.
	Nodes []string
}

func newBatchNormError(nodes []*gorgonia.Node) *BatchNormError {
	e := &BatchNormError{}
	for _, n := range nodes {
		e.Nodes = append(e.Nodes, describeBatchNorm(n))
	}
	return e
}

// Error lists the nodes and says how to cover them.
func (e *BatchNormError) Error() string {
	return fmt.Sprintf("checkpoint: %v: %d in the graph: %s; add what gorgonia.BatchNorm returns as op: "+
		`checkpoint.Group(map[string]checkpoint.Model{"": model, `+
		`"bn": checkpoint.FromBatchNorm(map[string]*gorgonia.BatchNormOp{"1": op})}); the option Only then leaves out what is not wanted`,
		ErrBatchNorm, len(e.Nodes), strings.Join(e.Nodes, ", "))
}

// Unwrap returns ErrBatchNorm.
func (e *BatchNormError) Unwrap() error { return ErrBatchNorm }

// uncoveredBatchNorm walks the graphs of nodes, each once, and returns the batch
// normalisations of which a statistic is not covered. An op in two graphs (a
// cloned graph shares them) is returned once.
func uncoveredBatchNorm(nodes []*gorgonia.Node, covered func(tensor.Tensor) bool) []*gorgonia.Node {
	var missing []*gorgonia.Node
	seen := map[*gorgonia.BatchNormOp]bool{}
	for _, g := range graphsOf(nodes) {
		for _, n := range g.AllNodes() {
			op := batchNormOf(n)
			if op == nil || seen[op] {
				continue
			}
			seen[op] = true
			if mean, variance := op.Stats(); !covered(mean) || !covered(variance) {
				missing = append(missing, n)
			}
		}
	}
	return missing
}

// batchNormOf is the op of a batch normalisation, else nil. The node of its
// gradient has an op of another type, which wraps the same one.
func batchNormOf(n *gorgonia.Node) *gorgonia.BatchNormOp {
	op, _ := n.Op().(*gorgonia.BatchNormOp)
	return op
}

// graphsOf gives the graphs that nodes are in, each once, in order of appearance.
func graphsOf(nodes []*gorgonia.Node) []*gorgonia.ExprGraph {
	var graphs []*gorgonia.ExprGraph
	seen := map[*gorgonia.ExprGraph]bool{nil: true}
	for _, n := range nodes {
		if n == nil || seen[n.Graph()] {
			continue
		}
		seen[n.Graph()] = true
		graphs = append(graphs, n.Graph())
	}
	return graphs
}

// describeBatchNorm names bn so that a person finds the layer: what Gorgonia
// prints tells neither which one nor where, but the scale usually has a name.
func describeBatchNorm(bn *gorgonia.Node) string {
	if scale := scaleOf(bn); !unnamed(scale) {
		return fmt.Sprintf("%q with scale %q", bn.Name(), scale.Name())
	}
	return fmt.Sprintf("%q", bn.Name())
}

// scaleOf finds the variable that gorgonia.BatchNorm multiplies bn with, or nil. It
// is the left side of bn's first use, under whatever broadcasts it.
func scaleOf(bn *gorgonia.Node) *gorgonia.Node {
	for _, use := range bn.Graph().AllNodes() {
		if in := inputsOf(use); len(in) == 2 && in[1] == bn {
			return leftmost(in[0])
		}
	}
	return nil
}

// leftmost goes down first inputs to a variable, or nil if something else ends the way.
func leftmost(n *gorgonia.Node) *gorgonia.Node {
	for in := inputsOf(n); len(in) > 0; in = inputsOf(n) {
		n = in[0]
	}
	if n.IsVar() {
		return n
	}
	return nil
}

func inputsOf(n *gorgonia.Node) []*gorgonia.Node {
	if n.Graph() == nil { // a constant on its own
		return nil
	}
	var in []*gorgonia.Node
	for it := n.Graph().From(n.ID()); it.Next(); {
		in = append(in, it.Node().(*gorgonia.Node))
	}
	return in
}
