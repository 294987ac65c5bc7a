package op

// This file is convolutions.

import (
	"fmt"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/kernel"
)

// Windows is how a window moves over rows and columns.
type Windows struct {
	Stride, Padding, Dilation [2]int
	Groups                    int
}

// Conv is the convolution of x (N, C, H, W) with w (out, C/groups, rows, cols), or of x (N, C, L) with w
// (out, C/groups, k), which has one row. b (out) may be nil.
func Conv(t *Tape, x, w, b *gorgonia.Node, o Windows) (*gorgonia.Node, error) {
	dims := x.Dims()
	if dims != w.Dims() || dims != 3 && dims != 4 {
		return nil, fmt.Errorf("x is %v and the weight %v: want (N, C, H, W) and (out, C, rows, cols), or (N, C, L) and (out, C, k)", x.Shape(), w.Shape())
	}
	xs, ws := imageShape(x.Shape()), imageShape(w.Shape())
	k := kernel.Conv{
		N: xs[0], C: xs[1], H: xs[2], W: xs[3], Out: ws[0], Groups: o.Groups,
		Window: [2]int{ws[2], ws[3]}, Stride: o.Stride, Padding: o.Padding, Dilation: o.Dilation,
	}
	if err := checkWindows(k.Window, o); err != nil {
		return nil, err
	}
	if k.Groups < 1 || k.C != ws[1]*k.Groups || k.Out%k.Groups != 0 {
		return nil, fmt.Errorf("x is %v and the weight %v, in %d groups: want x with %d channels, and outputs in groups of one size", x.Shape(), w.Shape(), k.Groups, ws[1]*k.Groups)
	}
	rows, cols := k.Size()
	if rows == 0 || cols == 0 {
		return nil, fmt.Errorf("x is %v, which is smaller than the window, %v, even with the padding", x.Shape(), w.Shape()[2:])
	}
	if b != nil && !sameShape(b.Shape(), tensor.Shape{k.Out}) {
		return nil, fmt.Errorf("the bias is %v, want (%d)", b.Shape(), k.Out)
	}
	shape := tensor.Shape{k.N, k.Out, rows, cols}
	if dims == 3 {
		shape = tensor.Shape{k.N, k.Out, cols}
	}
	return Apply(t, shape, conv[float32](k), conv[float64](k), present(x, w, b)...)
}

func conv[T kernel.Float](k kernel.Conv) Function[T] {
	c := kernel.NewConvolution[T](k)
	return Function[T]{
		Name: "conv",
		Forward: func(call *Call[T]) error {
			c.Forward(call.Out, call.In[0], call.In[1], at(call.In, 2))
			return nil
		},
		Backward: func(call *Call[T]) error {
			c.Backward(call.DIn[0], call.DIn[1], at(call.DIn, 2), call.In[0], call.In[1], call.Grad)
			return nil
		},
	}
}

// imageShape is (N, C, H, W), where one dimension is one row.
func imageShape(s tensor.Shape) [4]int {
	if s.Dims() == 3 {
		return [4]int{s[0], s[1], 1, s[2]}
	}
	return [4]int{s[0], s[1], s[2], s[3]}
}

// checkWindows looks for what no window can be.
func checkWindows(window [2]int, o Windows) error {
	for i := range window {
		switch {
		case window[i] < 1:
			return fmt.Errorf("a window of %d", window[i])
		case o.Stride[i] < 1:
			return fmt.Errorf("a stride of %d", o.Stride[i])
		case o.Padding[i] < 0:
			return fmt.Errorf("a padding of %d", o.Padding[i])
		case o.Dilation[i] < 1:
			return fmt.Errorf("a dilation of %d", o.Dilation[i])
		}
	}
	return nil
}
