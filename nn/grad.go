package nn

// This file is gradients of parameters.

import (
	"errors"
	"fmt"

	"gorgonia.org/gorgonia"
)

// A Learnable is a parameter in one graph, with the gradient that the graph's last run computed. It is
// a gorgonia.ValueGrad, for solvers of package optim and of Gorgonia.
type Learnable struct {
	*Param
	node *gorgonia.Node
}

// Grad is the gradient of the last run, which the next run overwrites.
func (l *Learnable) Grad() (gorgonia.Value, error) {
	v, err := l.node.Grad()
	if err == nil && v == nil {
		err = errors.New("the graph has not run")
	}
	if err != nil {
		return nil, fmt.Errorf("nn: gradient of %q: %w", l.name, err)
	}
	return v, nil
}

// Grad adds the gradients of cost, a scalar, with respect to all parameters that were lent to
// the graph and are trained, in the order in which they were lent.
func (g *Graph) Grad(cost *gorgonia.Node) ([]gorgonia.ValueGrad, error) {
	if g.err != nil {
		return nil, g.err
	}
	var nodes gorgonia.Nodes
	var learnables []gorgonia.ValueGrad
	for _, p := range g.params {
		if n := g.nodes[p]; p.Trained() && g.tape.Needs(n) {
			nodes = append(nodes, n)
			learnables = append(learnables, &Learnable{p, n})
		}
	}
	if len(nodes) == 0 {
		return nil, errors.New("nn: no parameter to be trained has been lent to the graph")
	}
	if _, err := gorgonia.Grad(cost, nodes...); err != nil {
		return nil, fmt.Errorf("nn: gradients of %s: %w", cost.Name(), err)
	}
	return learnables, nil
}
