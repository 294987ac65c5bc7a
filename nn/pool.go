package nn

// This file is pooling.

import (
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// MaxPool2d is torch.nn.MaxPool2d: the largest number of each window of x (N, C, H, W). The padding,
// at each side, is at most half of the window and never the largest. Of equal numbers the first
// has the gradient.
type MaxPool2d struct {
	Window  Size
	Stride  Size // 0: the window
	Padding Size
}

// Forward adds the pooling.
func (p MaxPool2d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return pool(g, x, 4, func() (*gorgonia.Node, error) {
		return op.MaxPool(g.tape, x, p.Window, p.Stride.or(p.Window), p.Padding)
	})
}

// MaxPool1d is torch.nn.MaxPool1d, of x (N, C, L).
type MaxPool1d struct {
	Window  int
	Stride  int // 0: the window
	Padding int
}

// Forward adds the pooling.
func (p MaxPool1d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return pool(g, x, 3, func() (*gorgonia.Node, error) {
		return op.MaxPool(g.tape, x, line(p.Window, 0), line(p.Stride, p.Window), [2]int{0, p.Padding})
	})
}

// AvgPool2d is torch.nn.AvgPool2d: the mean of each window of x (N, C, H, W). The padding, at each
// side, is at most half of the window.
type AvgPool2d struct {
	Window     Size
	Stride     Size // 0: the window
	Padding    Size
	ExcludePad bool // the padding is not counted; else it is zeros, as with PyTorch's count_include_pad
}

// Forward adds the pooling.
func (p AvgPool2d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return pool(g, x, 4, func() (*gorgonia.Node, error) {
		return op.AvgPool(g.tape, x, p.Window, p.Stride.or(p.Window), p.Padding, !p.ExcludePad)
	})
}

// AvgPool1d is torch.nn.AvgPool1d, of x (N, C, L).
type AvgPool1d struct {
	Window     int
	Stride     int // 0: the window
	Padding    int
	ExcludePad bool // as of AvgPool2d
}

// Forward adds the pooling.
func (p AvgPool1d) Forward(g *Graph, x *gorgonia.Node) *gorgonia.Node {
	return pool(g, x, 3, func() (*gorgonia.Node, error) {
		return op.AvgPool(g.tape, x, line(p.Window, 0), line(p.Stride, p.Window), [2]int{0, p.Padding}, !p.ExcludePad)
	})
}

// Layers that make one number of each channel of x (N, C, ...), such as (N, C, H, W) and (N, C, L).
var (
	GlobalAvgPool Func = func(g *Graph, x *gorgonia.Node) *gorgonia.Node { // the mean: (N, C)
		return g.apply("global average pooling", func() (*gorgonia.Node, error) { return op.GlobalAvg(g.tape, x, false) })
	}
	GlobalMaxPool Func = func(g *Graph, x *gorgonia.Node) *gorgonia.Node { // the largest: (N, C)
		return g.apply("global max pooling", func() (*gorgonia.Node, error) { return op.GlobalMax(g.tape, x) })
	}
	// AdaptiveAvgPool is PyTorch's AdaptiveAvgPool2d(1) and AdaptiveAvgPool1d(1): the mean, as (N, C, 1, 1)
	// or (N, C, 1).
	AdaptiveAvgPool Func = func(g *Graph, x *gorgonia.Node) *gorgonia.Node {
		return g.apply("adaptive average pooling", func() (*gorgonia.Node, error) { return op.GlobalAvg(g.tape, x, true) })
	}
)

// pool adds what make makes of x, which must have so many dimensions.
func pool(g *Graph, x *gorgonia.Node, dims int, make func() (*gorgonia.Node, error)) *gorgonia.Node {
	return g.apply("pooling", func() (*gorgonia.Node, error) {
		if err := wantDims(x, dims); err != nil {
			return nil, err
		}
		return make()
	})
}
