package nn

// This file is normalisation along the last axis.

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// LayerNorm is torch.nn.LayerNorm over the last axis (Ba et al. 2016, arXiv 1607.06450):
// x (..., D), weight and bias (D), y = (x - mean) / sqrt(variance + eps) weight + bias, with the
// biased variance.
type LayerNorm struct {
	Weight *Param // nil without
	Bias   *Param // nil without
	Eps    float64

	path string
}

// NormOptions change what a normalisation is. Nil, or its zero value, is what PyTorch does.
type NormOptions struct {
	Eps      float64 // 0: 1e-5; for RMSNorm, the epsilon of the dtype, as PyTorch has it
	NoBias   bool
	NoAffine bool // neither weight nor bias
}

// NewLayerNorm makes s's "weight" of ones and "bias" of zeros.
func NewLayerNorm(s *Scope, width int, o *NormOptions) *LayerNorm {
	weight, bias, eps := affine(s, width, o)
	return &LayerNorm{weight, bias, eps, s.path()}
}

// Forward normalises along the last axis.
func (l *LayerNorm) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.LayerNorm(g.tape, x, g.optional(l.Weight), g.optional(l.Bias), l.Eps)
	})
}

// RMSNorm is torch.nn.RMSNorm over the last axis (Zhang and Sennrich 2019, arXiv 1910.07467):
// x (..., D), weight (D), y = x / sqrt(mean(x²) + eps) weight.
type RMSNorm struct {
	Weight *Param // nil without
	Eps    float64

	path string
}

// NewRMSNorm makes s's "weight" of ones.
func NewRMSNorm(s *Scope, width int, o *NormOptions) *RMSNorm {
	if o == nil {
		o = &NormOptions{}
	}
	with := *o
	with.NoBias = true
	if with.Eps == 0 {
		with.Eps = epsilon(s.Dtype())
	}
	weight, _, eps := affine(s, width, &with)
	return &RMSNorm{weight, eps, s.path()}
}

// Forward normalises along the last axis.
func (l *RMSNorm) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.RMSNorm(g.tape, x, g.optional(l.Weight), l.Eps)
	})
}

// affine makes the parameters of a normalisation.
func affine(s *Scope, width int, o *NormOptions) (weight, bias *Param, eps float64) {
	if o == nil {
		o = &NormOptions{}
	}
	if eps = o.Eps; eps == 0 {
		eps = 1e-5
	}
	if o.NoAffine {
		return nil, nil, eps
	}
	weight = s.Param("weight", Ones, width)
	if !o.NoBias {
		bias = s.Param("bias", Zeros, width)
	}
	return weight, bias, eps
}

// epsilon is the difference between 1 and the next number: torch.finfo(dtype).eps.
func epsilon(dt tensor.Dtype) float64 {
	if dt == tensor.Float64 {
		return 0x1p-52
	}
	return 0x1p-23
}
