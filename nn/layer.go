package nn

// This file is what layers have in common.

import "gorgonia.org/gorgonia"

// A Layer computes one tensor of another. Forward adds its nodes to g; after an error it does
// nothing, and returns a node that must not be looked at.
type Layer interface {
	Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node
}

// A Func is a layer without parameters. It can be called: nn.ReLU(g, x).
type Func func(g *Graph, x *gorgonia.Node) *gorgonia.Node

// Forward calls f.
func (f Func) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node { return f(g, x) }

// Sequential is layers of which each takes what the one before gives. By PyTorch's names the
// layer at index i is built in the scope s.Index(i); those without parameters count too.
type Sequential []Layer

// Forward is layer after layer.
func (s Sequential) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	for _, l := range s {
		x = l.Forward(g, x)
	}
	return x
}
