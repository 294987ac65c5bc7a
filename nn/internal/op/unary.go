package op

// This file is functions of each number by itself.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Relu is max(0, x).
func Relu(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofInput("relu", kernel.Relu[float32], kernel.ReluGrad[float32]),
		ofInput("relu", kernel.Relu[float64], kernel.ReluGrad[float64]), x)
}

// Gelu is x Φ(x), by the error function.
func Gelu(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofInput("gelu", kernel.Gelu[float32], kernel.GeluGrad[float32]),
		ofInput("gelu", kernel.Gelu[float64], kernel.GeluGrad[float64]), x)
}

// GeluTanh is x Φ(x), approximated by the hyperbolic tangent.
func GeluTanh(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofInput("gelu_tanh", kernel.GeluTanh[float32], kernel.GeluTanhGrad[float32]),
		ofInput("gelu_tanh", kernel.GeluTanh[float64], kernel.GeluTanhGrad[float64]), x)
}

// Silu is x σ(x).
func Silu(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofInput("silu", kernel.Silu[float32], kernel.SiluGrad[float32]),
		ofInput("silu", kernel.Silu[float64], kernel.SiluGrad[float64]), x)
}

// Tanh is the hyperbolic tangent.
func Tanh(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofResult("tanh", kernel.Tanh[float32], kernel.TanhGrad[float32]),
		ofResult("tanh", kernel.Tanh[float64], kernel.TanhGrad[float64]), x)
}

// Sigmoid is 1 / (1 + exp(-x)).
func Sigmoid(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	return Apply(t, x.Shape(),
		ofResult("sigmoid", kernel.Sigmoid[float32], kernel.SigmoidGrad[float32]),
		ofResult("sigmoid", kernel.Sigmoid[float64], kernel.SigmoidGrad[float64]), x)
}

// ofInput is a function whose gradient is computed of its input.
func ofInput[T kernel.Float](name string, forward func(y, x []T), backward func(dx, x, dy []T)) Function[T] {
	return Function[T]{
		Name:     name,
		Forward:  func(c *Call[T]) error { forward(c.Out, c.In[0]); return nil },
		Backward: func(c *Call[T]) error { backward(c.DIn[0], c.In[0], c.Grad); return nil },
	}
}

// ofResult is a function whose gradient is computed of its result.
func ofResult[T kernel.Float](name string, forward func(y, x []T), backward func(dx, y, dy []T)) Function[T] {
	return Function[T]{
		Name:     name,
		Forward:  func(c *Call[T]) error { forward(c.Out, c.In[0]); return nil },
		Backward: func(c *Call[T]) error { backward(c.DIn[0], c.Out, c.Grad); return nil },
	}
}
