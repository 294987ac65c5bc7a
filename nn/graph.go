package nn

// This file is one graph of a model.

import (
	"fmt"
	"math/rand/v2"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// A Graph is a Gorgonia graph that a model's layers are added to, for one batch size, and for
// training or for evaluation. It keeps the first error: see the package comment.
type Graph struct {
	*building
	train  bool
	random rand.Source // of dropout; nil in evaluation
}

// building is what a Graph and its Evaluating share.
type building struct {
	graph  *gorgonia.ExprGraph
	tape   *op.Tape
	params []*Param // those lent, in order
	nodes  map[*Param]*gorgonia.Node
	owners map[string]*Param // of nodes' names
	inputs map[string]bool
	broken *gorgonia.Node // stands for nodes that an error prevents
	err    error
}

// TrainGraph returns an empty graph in which layers behave as in training. Dropout draws one
// number for each layer and run from the source, which stays the caller's: to resume exactly, save it,
// with runs.State("dropout", source). It may be nil if nothing drops out.
func TrainGraph(source rand.Source) *Graph { return newGraph(true, source) }

// EvalGraph returns an empty graph in which layers behave as in evaluation: nothing drops out,
// and batch normalisation uses its running statistics. It can be differentiated all the same.
func EvalGraph() *Graph { return newGraph(false, nil) }

func newGraph(train bool, source rand.Source) *Graph {
	return &Graph{train: train, random: source, building: &building{
		graph:  gorgonia.NewGraph(),
		tape:   op.NewTape(),
		nodes:  map[*Param]*gorgonia.Node{},
		owners: map[string]*Param{},
		inputs: map[string]bool{},
		broken: gorgonia.NewTensor(gorgonia.NewGraph(), tensor.Float32, 1, gorgonia.WithShape(1), gorgonia.WithName("after an error")),
	}}
}

// Evaluating is the same graph, in which layers added through it behave as in evaluation: for a
// frozen body in a graph that trains a head.
func (g *Graph) Evaluating() *Graph { return &Graph{building: g.building} }

// ExprGraph is the graph itself, for ops of Gorgonia's own.
func (g *Graph) ExprGraph() *gorgonia.ExprGraph { return g.graph }

// Training reports whether layers behave as in training.
func (g *Graph) Training() bool { return g.train }

// Err is the first error of building the graph, or nil.
func (g *Graph) Err() error { return g.err }

// Fail keeps err as the graph's error if it is the first, and returns a node to go on with. It is
// for layers outside of this package.
func (g *Graph) Fail(err error) *gorgonia.Node {
	if g.err == nil {
		g.err = fmt.Errorf("nn: %w", err)
	}
	return g.broken
}

// Input makes a node for data, of float32, float64, or int for indices and labels, with a value
// of zeros: overwrite that value, or bind another with gorgonia.Let, before a run. No gradient of
// it is computed.
func (g *Graph) Input(name string, dt tensor.Dtype, shape ...int) *gorgonia.Node {
	if g.inputs[name] || g.owners[name] != nil {
		return g.Fail(fmt.Errorf("input %q: the name is used twice", name))
	}
	g.inputs[name] = true
	for _, n := range shape {
		if n <= 0 {
			return g.Fail(fmt.Errorf("input %q has shape %v: every dimension must be above 0", name, shape))
		}
	}
	value := tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
	n := gorgonia.NewTensor(g.graph, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name), gorgonia.WithValue(value))
	g.tape.Fix(n)
	return n
}

// Node lends p to the graph: the same node each time.
func (g *Graph) Node(p *Param) *gorgonia.Node {
	if n := g.nodes[p]; n != nil {
		return n
	}
	// Gorgonia takes two leaves of one name and shape for one node.
	name := p.name
	for other := g.owners[name]; other != nil || g.inputs[name]; other = g.owners[name] {
		name += "'"
	}
	g.owners[name] = p
	n := gorgonia.NewTensor(g.graph, p.Dtype(), p.Shape().Dims(), gorgonia.WithShape(p.Shape().Clone()...), gorgonia.WithName(name), gorgonia.WithValue(p.value))
	g.nodes[p] = n
	g.params = append(g.params, p)
	if !p.Trained() {
		g.tape.Fix(n)
	}
	return n
}

// apply adds the node that make makes of the inputs, unless there was an error before.
func (g *Graph) apply(layer string, make func() (*gorgonia.Node, error)) *gorgonia.Node {
	if g.err != nil {
		return g.broken
	}
	n, err := make()
	if err != nil {
		if layer != "" {
			err = fmt.Errorf("%s: %w", layer, err)
		}
		return g.Fail(err)
	}
	return n
}

// optional is the node of p, and nil for nil.
func (g *Graph) optional(p *Param) *gorgonia.Node {
	if p == nil {
		return nil
	}
	return g.Node(p)
}
