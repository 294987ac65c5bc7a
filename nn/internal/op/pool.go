package op

// This file is pooling.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// MaxPool is the largest number of each window of x (N, C, H, W), or (N, C, L), where windows have one
// row.
func MaxPool(t *Tape, x *gorgonia.Node, window, stride, padding [2]int) (*gorgonia.Node, error) {
	k, shape, err := pooled(x, window, stride, padding)
	if err != nil {
		return nil, err
	}
	return Apply(t, shape, maxPool[float32](k), maxPool[float64](k), x)
}

func maxPool[T kernel.Float](k kernel.Pool) Function[T] {
	var places []int32
	return Function[T]{
		Name: "max_pool",
		Forward: func(c *Call[T]) error {
			places = sized(places, len(c.Out))
			kernel.MaxPool(k, c.Out, places, c.In[0])
			return nil
		},
		Backward: func(c *Call[T]) error { kernel.MaxPoolGrad(k, c.DIn[0], places, c.Grad); return nil },
	}
}

// AvgPool is the mean of each window of x, where padding counts as zeros if padded.
func AvgPool(t *Tape, x *gorgonia.Node, window, stride, padding [2]int, padded bool) (*gorgonia.Node, error) {
	k, shape, err := pooled(x, window, stride, padding)
	if err != nil {
		return nil, err
	}
	return Apply(t, shape, avgPool[float32](k, padded), avgPool[float64](k, padded), x)
}

func avgPool[T kernel.Float](k kernel.Pool, padded bool) Function[T] {
	return Function[T]{
		Name:     "avg_pool",
		Forward:  func(c *Call[T]) error { kernel.AvgPool(k, c.Out, c.In[0], padded); return nil },
		Backward: func(c *Call[T]) error { kernel.AvgPoolGrad(k, c.DIn[0], c.Grad, padded); return nil },
	}
}

// pooled is the pooling of x, and the shape of its result.
func pooled(x *gorgonia.Node, window, stride, padding [2]int) (kernel.Pool, tensor.Shape, error) {
	if x.Dims() != 3 && x.Dims() != 4 {
		return kernel.Pool{}, nil, fmt.Errorf("x is %v: want (N, C, H, W) or (N, C, L)", x.Shape())
	}
	xs := imageShape(x.Shape())
	k := kernel.Pool{Planes: xs[0] * xs[1], H: xs[2], W: xs[3], Window: window, Stride: stride, Padding: padding}
	if err := checkWindows(window, Windows{Stride: stride, Padding: padding, Dilation: [2]int{1, 1}}); err != nil {
		return k, nil, err
	}
	for i := range window {
		if padding[i] > window[i]/2 {
			return k, nil, fmt.Errorf("a padding of %d is more than half of the window of %d", padding[i], window[i])
		}
	}
	rows, cols := k.Size()
	if rows == 0 || cols == 0 {
		return k, nil, fmt.Errorf("x is %v, which is smaller than the window, even with the padding", x.Shape())
	}
	shape := x.Shape().Clone()
	shape[len(shape)-1] = cols
	if x.Dims() == 4 {
		shape[2] = rows
	}
	return k, shape, nil
}

// GlobalMax is the largest number of each channel of x (N, C, ...): (N, C).
func GlobalMax(t *Tape, x *gorgonia.Node) (*gorgonia.Node, error) {
	k, err := channels(x)
	if err != nil {
		return nil, err
	}
	return Apply(t, tensor.Shape{k.N, k.C}, globalMax[float32](k), globalMax[float64](k), x)
}

func globalMax[T kernel.Float](k kernel.Channels) Function[T] {
	var places []int32
	return Function[T]{
		Name: "global_max",
		Forward: func(c *Call[T]) error {
			places = sized(places, len(c.Out))
			kernel.MaxRows(c.Out, places, c.In[0], k.N*k.C, k.L)
			return nil
		},
		Backward: func(c *Call[T]) error {
			kernel.MaxRowsGrad(c.DIn[0], places, c.Grad, k.N*k.C, k.L)
			return nil
		},
	}
}

// GlobalAvg is the mean of each channel of x (N, C, ...): (N, C), or (N, C, 1, ...) if x's dimensions are
// kept.
func GlobalAvg(t *Tape, x *gorgonia.Node, keep bool) (*gorgonia.Node, error) {
	k, err := channels(x)
	if err != nil {
		return nil, err
	}
	shape := tensor.Shape{k.N, k.C}
	for keep && shape.Dims() < x.Dims() {
		shape = append(shape, 1)
	}
	return Apply(t, shape, globalAvg[float32](k), globalAvg[float64](k), x)
}

func globalAvg[T kernel.Float](k kernel.Channels) Function[T] {
	return Function[T]{
		Name:     "global_avg",
		Forward:  func(c *Call[T]) error { kernel.MeanRows(c.Out, c.In[0], k.N*k.C, k.L); return nil },
		Backward: func(c *Call[T]) error { kernel.MeanRowsGrad(c.DIn[0], c.Grad, k.N*k.C, k.L); return nil },
	}
}

// channels is x as images of channels.
func channels(x *gorgonia.Node) (kernel.Channels, error) {
	if x.Dims() < 2 {
		return kernel.Channels{}, fmt.Errorf("x is %v: want (N, C, ...)", x.Shape())
	}
	n, c := x.Shape()[0], x.Shape()[1]
	return kernel.Channels{N: n, C: c, L: x.Shape().TotalSize() / (n * c)}, nil
}
