package nn

// This file is normalization of groups of channels.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// GroupNorm is torch.nn.GroupNorm (Wu and He 2018, arXiv 1803.08494): of each image of x (N, C, ...), each
// group of channels gets mean 0 and biased variance 1; weight and bias are (C).
type GroupNorm struct {
	Weight *Param // nil without
	Bias   *Param // nil without
	Eps    float64

	groups int
	path   string
}

// NewGroupNorm makes s's "weight" of ones and "bias" of zeros.
func NewGroupNorm(s *Scope, groups, channels int, o *NormOptions) *GroupNorm {
	if groups < 1 || channels%groups != 0 {
		s.fail("weight", fmt.Errorf("%d channels do not make %d groups", channels, groups))
	}
	weight, bias, eps := affine(s, channels, o)
	return &GroupNorm{weight, bias, eps, groups, s.path()}
}

// Forward normalizes each group of channels of each image.
func (l *GroupNorm) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.GroupNorm(g.tape, x, g.optional(l.Weight), g.optional(l.Bias), l.groups, l.Eps)
	})
}
