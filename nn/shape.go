package nn

// This file is arithmetic and shapes, for forward passes that are more than layer after layer.
// Unlike those of Gorgonia, none of these shares memory with its input.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Add is a + b, of one shape: a residual connection. b may also have the shape of a's last axes, and is
// then added to each of the others: (B, T, D) and the (T, D) of positions.
func Add(g *Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Add(g.tape, a, b) })
}

// Mul is a * b, number by number, of one shape: a gate.
func Mul(g *Graph, a, b *gorgonia.Node) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Mul(g.tape, a, b) })
}

// Scale is by * x.
func Scale(g *Graph, x *gorgonia.Node, by float64) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Scale(g.tape, x, by) })
}

// Reshape is x's numbers in another shape. One dimension may be -1: it is what the others leave.
func Reshape(g *Graph, x *gorgonia.Node, shape ...int) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Reshape(g.tape, x, shape...) })
}

// Select is x at an index of an axis, which is dropped: Select(g, x, 1, -1) of (B, T, D) is the
// last moment, (B, D). A negative index counts from the end.
func Select(g *Graph, x *gorgonia.Node, axis, index int) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Select(g.tape, x, axis, index) })
}

// Mean is the mean of x along an axis, which is dropped.
func Mean(g *Graph, x *gorgonia.Node, axis int) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Mean(g.tape, x, axis) })
}

// Flatten is a layer that makes (B, ...) a matrix (B, W).
var Flatten Func = func(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply("", func() (*gorgonia.Node, error) { return op.Reshape(g.tape, x, x.Shape()[0], -1) })
}
