package nn

// This file is running a graph.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/blas"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// A Machine runs a graph.
type Machine struct{ vm gorgonia.VM }

// Machine compiles the graph, to which nothing can be added then.
func (g *Graph) Machine() (m *Machine, err error) {
	if g.err != nil {
		return nil, g.err
	}
	if err := op.Keep(g.graph); err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	if err := g.checkHashes(); err != nil {
		return nil, err
	}
	if _, err := blas.Name(); err != nil { // or the first product would panic with it
		return nil, fmt.Errorf("nn: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			m, err = nil, fmt.Errorf("nn: compiling the graph: %v", p)
		}
	}()
	return &Machine{gorgonia.NewTapeMachine(g.graph)}, nil
}

// checkHashes looks for nodes that Gorgonia would take for one: it compares hashes of 32 bits only.
func (g *Graph) checkHashes() error {
	seen := map[uint32]*gorgonia.Node{}
	for _, n := range g.graph.AllNodes() {
		if other := seen[n.Hashcode()]; other != nil {
			return fmt.Errorf("nn: nodes %v and %v have one hash, by chance, so Gorgonia would compute them as one: build the graph again", other, n)
		}
		seen[n.Hashcode()] = n
	}
	return nil
}

// Run computes all nodes once. Values of nodes, and gradients, are valid until the next Run.
func (m *Machine) Run() error {
	defer m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		return fmt.Errorf("nn: %w", err)
	}
	return nil
}
