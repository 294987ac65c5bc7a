package nn

// This file is convolutions.

import (
	"fmt"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// A Size is rows and columns: of a window, or of how it moves. The zero value stands for a default.
type Size [2]int

// Square is n rows and n columns.
func Square(n int) Size { return Size{n, n} }

// or replaces a zero value.
func (s Size) or(other Size) Size {
	if s == (Size{}) {
		return other
	}
	return s
}

// Conv2d is torch.nn.Conv2d: x (N, in, H, W), weight (out, in/groups, rows, cols), bias (out), y (N,
// out, H', W'), H' = (H + 2 padding - dilation (rows - 1) - 1) / stride + 1, rounded down, and W'
// likewise.
type Conv2d struct {
	Weight *Param
	Bias   *Param // nil without

	windows op.Windows
	path    string
}

// Conv2dOptions change what a convolution is. Nil, or its zero value, is what PyTorch does.
type Conv2dOptions struct {
	Stride     Size // 0: 1
	Padding    Size // of zeros, at each side
	Dilation   Size // 0: 1
	Groups     int  // 0: 1. Each group of outputs sees one group of inputs
	NoBias     bool
	WeightInit Init // nil: U(-1/sqrt(n), 1/sqrt(n)), n being the numbers that one output sees
	BiasInit   Init // nil: the same
}

// NewConv2d makes s's "weight" and "bias".
func NewConv2d(s *Scope, in, out int, window Size, o *Conv2dOptions) *Conv2d {
	if o == nil {
		o = &Conv2dOptions{}
	}
	windows := op.Windows{
		Stride: o.Stride.or(Square(1)), Padding: o.Padding, Dilation: o.Dilation.or(Square(1)), Groups: groups(o.Groups),
	}
	weight, bias := convolution(s, in, out, windows.Groups, window[:], o)
	return &Conv2d{weight, bias, windows, s.path()}
}

// Forward adds the convolution.
func (l *Conv2d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.Conv(g.tape, x, g.Node(l.Weight), g.optional(l.Bias), l.windows)
	})
}

// Conv1d is torch.nn.Conv1d: x (N, in, L), weight (out, in/groups, k), bias (out), y (N, out, L'). (The
// dense layer of GPT-2's files is [Conv1D].)
type Conv1d struct {
	Weight *Param
	Bias   *Param // nil without

	windows op.Windows
	path    string
}

// Conv1dOptions change what a convolution is. Nil, or its zero value, is what PyTorch does.
type Conv1dOptions struct {
	Stride     int // 0: 1
	Padding    int // of zeros, at each end
	Dilation   int // 0: 1
	Groups     int // 0: 1. Each group of outputs sees one group of inputs
	NoBias     bool
	WeightInit Init // nil: U(-1/sqrt(n), 1/sqrt(n)), n being the numbers that one output sees
	BiasInit   Init // nil: the same
}

// NewConv1d makes s's "weight" and "bias".
func NewConv1d(s *Scope, in, out, window int, o *Conv1dOptions) *Conv1d {
	if o == nil {
		o = &Conv1dOptions{}
	}
	windows := op.Windows{
		Stride: line(o.Stride, 1), Padding: [2]int{0, o.Padding}, Dilation: line(o.Dilation, 1), Groups: groups(o.Groups),
	}
	weight, bias := convolution(s, in, out, windows.Groups, []int{window}, &Conv2dOptions{NoBias: o.NoBias, WeightInit: o.WeightInit, BiasInit: o.BiasInit})
	return &Conv1d{weight, bias, windows, s.path()}
}

// Forward adds the convolution.
func (l *Conv1d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return g.apply(l.path, func() (*gorgonia.Node, error) {
		return op.Conv(g.tape, x, g.Node(l.Weight), g.optional(l.Bias), l.windows)
	})
}

// line is n columns of one row; 0 stands for other.
func line(n, other int) Size {
	if n == 0 {
		n = other
	}
	return Size{1, n}
}

// groups replaces 0.
func groups(n int) int {
	if n == 0 {
		return 1
	}
	return n
}

// convolution makes the parameters of a convolution.
func convolution(s *Scope, in, out, groups int, window []int, o *Conv2dOptions) (weight, bias *Param) {
	if groups < 1 || in%groups != 0 || out%groups != 0 {
		s.fail("weight", fmt.Errorf("%d inputs and %d outputs do not make %d groups", in, out, groups))
		groups = 1
	}
	shape := append([]int{out, in / groups}, window...)
	sees := max(1, in/groups)
	for _, n := range window {
		sees *= max(1, n)
	}
	weight = s.Param("weight", or(o.WeightInit, fanIn(sees)), shape...)
	if !o.NoBias {
		bias = s.Param("bias", or(o.BiasInit, fanIn(sees)), out)
	}
	return weight, bias
}
