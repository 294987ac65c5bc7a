package nn

// This file is dense layers.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// Linear is y = x Wᵀ + b, as torch.nn.Linear: x is (..., in), y (..., out), weight (out, in),
// bias (out).
type Linear struct {
	Weight *Param
	Bias   *Param // nil without

	path string
}

// LinearOptions change what a dense layer is. Nil, or its zero value, is what PyTorch does.
type LinearOptions struct {
	NoBias     bool
	Weight     *Param // use this one, which another layer or scope has registered, as a tied head does its embedding
	WeightInit Init   // nil: U(-1/sqrt(in), 1/sqrt(in))
	BiasInit   Init   // nil: the same
}

// NewLinear makes s's "weight" and "bias". A weight that is given is registered under "weight" as well.
func NewLinear(s *Scope, in, out int, o *LinearOptions) *Linear {
	weight, bias := dense(s, []int{out, in}, in, out, o)
	return &Linear{weight, bias, s.path()}
}

// Forward adds y = x Wᵀ + b.
func (l *Linear) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.Linear(g.tape, x, g.Node(l.Weight), g.optional(l.Bias), op.OutIn)
	})
}

// Conv1D is y = x W + b with weight (in, out): the dense layer of GPT-2's files, transformers'
// Conv1D. It is no convolution.
type Conv1D struct {
	Weight *Param
	Bias   *Param // nil without

	path string
}

// NewConv1D makes s's "weight" and "bias".
func NewConv1D(s *Scope, in, out int, o *LinearOptions) *Conv1D {
	if o == nil {
		o = &LinearOptions{}
	}
	with := *o
	if with.WeightInit == nil {
		with.WeightInit = Normal(0, 0.02)
	}
	if with.BiasInit == nil {
		with.BiasInit = Zeros
	}
	weight, bias := dense(s, []int{in, out}, in, out, &with)
	return &Conv1D{weight, bias, s.path()}
}

// Forward adds y = x W + b.
func (l *Conv1D) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.Linear(g.tape, x, g.Node(l.Weight), g.optional(l.Bias), op.InOut)
	})
}

// dense makes the parameters of a dense layer.
func dense(s *Scope, shape []int, in, out int, o *LinearOptions) (weight, bias *Param) {
	if o == nil {
		o = &LinearOptions{}
	}
	if weight = o.Weight; weight != nil {
		s.Tie("weight", weight)
	} else {
		weight = s.Param("weight", or(o.WeightInit, fanIn(in)), shape...)
	}
	if !o.NoBias {
		bias = s.Param("bias", or(o.BiasInit, fanIn(in)), out)
	}
	return weight, bias
}

func or(init, other Init) Init {
	if init != nil {
		return init
	}
	return other
}
