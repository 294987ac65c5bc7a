package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func conv2d(in, out int, window Size, o *Conv2dOptions) build {
	return layer(func(s *Scope) *Conv2d { return NewConv2d(s, in, out, window, o) })
}

func conv1d(in, out, window int, o *Conv1dOptions) build {
	return layer(func(s *Scope) *Conv1d { return NewConv1d(s, in, out, window, o) })
}

// convolutions are the cases of testdata/gen/conv.py.
var convolutions = map[string]struct {
	shape tensor.Shape
	model build
}{
	"same":            {tensor.Shape{3, 3, 7, 6}, conv2d(3, 5, Square(3), &Conv2dOptions{Padding: Square(1)})},
	"valid":           {tensor.Shape{2, 2, 6, 9}, conv2d(2, 3, Square(3), nil)},
	"no_bias":         {tensor.Shape{2, 2, 4, 5}, conv2d(2, 3, Square(2), &Conv2dOptions{NoBias: true})},
	"point":           {tensor.Shape{2, 5, 4, 3}, conv2d(5, 4, Square(1), nil)},
	"point_stride":    {tensor.Shape{2, 5, 5, 4}, conv2d(5, 4, Square(1), &Conv2dOptions{Stride: Square(2)})},
	"point_padding":   {tensor.Shape{2, 2, 3, 4}, conv2d(2, 3, Square(1), &Conv2dOptions{Padding: Square(2)})},
	"stride":          {tensor.Shape{3, 3, 8, 7}, conv2d(3, 4, Square(3), &Conv2dOptions{Stride: Square(2), Padding: Square(1)})},
	"strides":         {tensor.Shape{1, 2, 8, 9}, conv2d(2, 3, Size{2, 3}, &Conv2dOptions{Stride: Size{3, 2}, Padding: Size{0, 2}})},
	"apart":           {tensor.Shape{2, 2, 9, 11}, conv2d(2, 3, Square(2), &Conv2dOptions{Stride: Square(5)})},
	"dilation":        {tensor.Shape{2, 2, 7, 8}, conv2d(2, 3, Square(3), &Conv2dOptions{Dilation: Square(2), Padding: Square(2)})},
	"dilation_stride": {tensor.Shape{2, 2, 9, 10}, conv2d(2, 3, Size{3, 2}, &Conv2dOptions{Dilation: Size{2, 3}, Stride: Size{3, 2}, Padding: Size{3, 1}})},
	"groups":          {tensor.Shape{2, 6, 5, 4}, conv2d(6, 9, Square(3), &Conv2dOptions{Padding: Square(1), Groups: 3})},
	"depthwise":       {tensor.Shape{2, 4, 5, 6}, conv2d(4, 4, Square(3), &Conv2dOptions{Padding: Square(1), Groups: 4})},
	"multiplied":      {tensor.Shape{2, 3, 6, 5}, conv2d(3, 6, Square(3), &Conv2dOptions{Stride: Square(2), Groups: 3})},
	"column":          {tensor.Shape{2, 2, 3, 5}, conv2d(2, 3, Size{3, 1}, nil)},
	"whole":           {tensor.Shape{2, 3, 4, 5}, conv2d(3, 4, Size{4, 5}, nil)},
	"one":             {tensor.Shape{1, 1, 1, 1}, conv2d(1, 1, Square(1), nil)},
	"many":            {tensor.Shape{33, 2, 3, 3}, conv2d(2, 3, Square(3), &Conv2dOptions{Padding: Square(1)})},
	"line":            {tensor.Shape{2, 3, 9}, conv1d(3, 4, 3, &Conv1dOptions{Padding: 1})},
	"line_stride":     {tensor.Shape{2, 3, 12}, conv1d(3, 4, 5, &Conv1dOptions{Stride: 2, Padding: 2})},
	"line_dilation":   {tensor.Shape{1, 2, 10}, conv1d(2, 3, 3, &Conv1dOptions{Dilation: 3, Stride: 2, Padding: 4})},
	"line_groups":     {tensor.Shape{3, 4, 7}, conv1d(4, 6, 2, &Conv1dOptions{Groups: 2, NoBias: true})},
}

func TestConvolutionsArePyTorchs(t *testing.T) {
	for name, c := range convolutions {
		parity(t, "conv", name, true, c.model)
	}
}

func TestGradientsOfConvolutions(t *testing.T) {
	for name, c := range convolutions {
		gradients(t, trial{name: name, shapes: map[string]tensor.Shape{"x": c.shape}, model: c.model})
	}
}

// Values begin as PyTorch's do: evenly between the bounds that the inputs of one output give.
func TestConvolutionsBeginAsPyTorchs(t *testing.T) {
	s := NewScope(1)
	l := NewConv2d(s, 8, 64, Size{3, 5}, &Conv2dOptions{Groups: 2})
	require.NoError(t, s.Err())
	const bound = 0.12909944487358055 // 1/sqrt(4*3*5)
	for _, p := range []*Param{l.Weight, l.Bias} {
		most := 0.0
		for _, x := range numbers(p.Value()) {
			most = max(most, x, -x)
		}
		require.LessOrEqual(t, most, bound)
		require.Greater(t, most, 0.9*bound)
	}
}

// Inputs that keep a convolution from being built are errors that say where and why.
func TestConvolutionsRefuse(t *testing.T) {
	for want, c := range map[string]struct {
		shape tensor.Shape
		model build
	}{
		`"weight": 3 inputs and 4 outputs do not make 2 groups`: {tensor.Shape{1, 3, 4, 4}, conv2d(3, 4, Square(3), &Conv2dOptions{Groups: 2})},
		`do not make -1 groups`:                                 {tensor.Shape{1, 3, 4, 4}, conv2d(3, 4, Square(3), &Conv2dOptions{Groups: -1})},
		"with 3 channels":                                       {tensor.Shape{1, 2, 4, 4}, conv2d(3, 4, Square(3), nil)},
		"smaller than the window":                               {tensor.Shape{1, 3, 4, 2}, conv2d(3, 4, Square(3), nil)},
		"want (N, C, H, W)":                                     {tensor.Shape{3, 4, 4}, conv2d(3, 4, Square(3), nil)},
		"a stride of -1":                                        {tensor.Shape{1, 3, 4}, conv1d(3, 4, 3, &Conv1dOptions{Stride: -1})},
		"a stride of 0":                                         {tensor.Shape{1, 3, 4, 4}, conv2d(3, 4, Square(3), &Conv2dOptions{Stride: Size{1, 0}})},
		"a padding of -2":                                       {tensor.Shape{1, 3, 4}, conv1d(3, 4, 3, &Conv1dOptions{Padding: -2})},
		"a dilation of -1":                                      {tensor.Shape{1, 3, 4}, conv1d(3, 4, 3, &Conv1dOptions{Dilation: -1})},
		"every dimension must be":                               {tensor.Shape{1, 3, 4}, conv1d(3, 4, 0, nil)},
		"nn: conv: x is (2, 1, 4) and": {tensor.Shape{2, 1, 4}, func(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
			return conv1d(3, 4, 3, nil)(s.Sub("conv"))
		}},
	} {
		require.ErrorContains(t, refusal(c.shape, c.model), want)
	}
}

// refusal is the error of building a model and its graph.
func refusal(shape tensor.Shape, model build) error {
	s, g := NewScope(1), TrainGraph(nil)
	forward := model(s)
	if s.Err() != nil {
		return s.Err()
	}
	forward(g, map[string]*gorgonia.Node{"x": g.Input("x", tensor.Float32, shape...)})
	return g.Err()
}
