package nn

// This file is layers without parameters that work on each number by itself, or along the last axis.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Activations, for tensors of any shape. Each is a layer, and can be called as a function.
var (
	ReLU     = unary(op.Relu)     // max(0, x); the gradient at 0 is 0
	GELU     = unary(op.Gelu)     // x Φ(x), with the error function (arXiv 1606.08415): torch.nn.GELU()
	GELUTanh = unary(op.GeluTanh) // its approximation: torch.nn.GELU("tanh"), "gelu_new" in transformers
	SiLU     = unary(op.Silu)     // x σ(x)
	Tanh     = unary(op.Tanh)
	Sigmoid  = unary(op.Sigmoid)
)

// Softmax and LogSoftmax work along the last axis: x (..., W). A row of nothing but -Inf gives
// zeros (PyTorch: NaN).
var (
	Softmax    = unary(op.Softmax)
	LogSoftmax = unary(op.LogSoftmax)
)

func unary(make func(*op.Tape, *gorgonia.Node) (*gorgonia.Node, error)) Func {
	return func(g *Graph, x *gorgonia.Node) *gorgonia.Node {
		return g.apply("", func() (*gorgonia.Node, error) { return make(g.tape, x) })
	}
}
