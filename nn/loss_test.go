package nn

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A loss is a function of two nodes.
type loss func(g *Graph, x, y *gorgonia.Node) *gorgonia.Node

// build makes the loss a vector of one number.
func (f loss) build(*Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
	return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
		return Reshape(g, f(g, in["x"], in["y"]), 1)
	}
}

func crossEntropy(o *CrossEntropyOptions) loss {
	return func(g *Graph, x, y *gorgonia.Node) *gorgonia.Node { return CrossEntropy(g, x, y, o) }
}

func nllLoss(o *NLLOptions) loss {
	return func(g *Graph, x, y *gorgonia.Node) *gorgonia.Node { return NLLLoss(g, x, y, o) }
}

func mseLoss(o *MSEOptions) loss {
	return func(g *Graph, x, y *gorgonia.Node) *gorgonia.Node { return MSELoss(g, x, y, o) }
}

func bceLoss(o *BCEOptions) loss {
	return func(g *Graph, x, y *gorgonia.Node) *gorgonia.Node { return BCEWithLogits(g, x, y, o) }
}

var classWeights = []float64{0.5, 2, 1, 0, 3, 0.25, 1.5}

func TestLossesArePyTorchs(t *testing.T) {
	for name, o := range map[string]*CrossEntropyOptions{
		"matrix":             nil,
		"deep":               nil,
		"row":                nil,
		"far":                nil,
		"ignored":            nil,
		"ignored_2":          {IgnoreIndex: new(2)},
		"all_ignored":        nil,
		"all_ignored_sum":    {Sum: true},
		"weight":             {Weight: classWeights},
		"sum":                {Weight: classWeights, Sum: true},
		"smooth":             {LabelSmoothing: 0.1},
		"smooth_sum":         {LabelSmoothing: 0.1, Sum: true},
		"smooth_weight":      {LabelSmoothing: 0.1, Weight: classWeights},
		"smooth_weight_sum":  {LabelSmoothing: 0.1, Weight: classWeights, Sum: true},
		"smooth_all_ignored": {LabelSmoothing: 0.1},
	} {
		parity(t, "loss", "ce."+name, true, crossEntropy(o).build)
	}
	for name, o := range map[string]*NLLOptions{
		"matrix":          nil,
		"deep":            nil,
		"row":             nil,
		"ignored":         nil,
		"ignored_2":       {IgnoreIndex: new(2)},
		"all_ignored":     nil,
		"all_ignored_sum": {Sum: true},
		"weight":          {Weight: classWeights},
		"sum":             {Weight: classWeights, Sum: true},
	} {
		parity(t, "loss", "nll."+name, true, nllLoss(o).build)
	}
	parity(t, "loss", "mse.mean", true, mseLoss(nil).build)
	parity(t, "loss", "mse.sum", true, mseLoss(&MSEOptions{Sum: true}).build)
	for name, weight := range map[string][]float64{"none": nil, "one": {3}, "each": {3, 0.5, 1, 2, 0}} {
		parity(t, "loss", "bce."+name+"_mean", true, bceLoss(&BCEOptions{PosWeight: weight}).build)
		parity(t, "loss", "bce."+name+"_sum", true, bceLoss(&BCEOptions{PosWeight: weight, Sum: true}).build)
	}
}

func TestLossGradients(t *testing.T) {
	classes := func(name string, f loss, shape ...int) trial {
		return trial{
			name:   name,
			shapes: map[string]tensor.Shape{"x": shape, "y": shape[:len(shape)-1]},
			index:  map[string]int{"y": shape[len(shape)-1]},
			model:  f.build,
		}
	}
	pair := func(name string, f loss, shape ...int) trial {
		return trial{name: name, shapes: map[string]tensor.Shape{"x": shape, "y": shape}, inputs: map[string]Init{"y": Uniform(0, 1)}, model: f.build}
	}
	smooth := &CrossEntropyOptions{LabelSmoothing: 0.3, Weight: classWeights, IgnoreIndex: new(1)}
	gradients(t,
		classes("cross_entropy", crossEntropy(nil), 1, 3),
		classes("cross_entropy_deep", crossEntropy(nil), 2, 3, 7),
		classes("cross_entropy_smooth", crossEntropy(smooth), 9, 7),
		classes("nll", nllLoss(&NLLOptions{Weight: classWeights}), 3, 7),
		pair("mse", mseLoss(nil), 1, 7),
		pair("bce", bceLoss(&BCEOptions{PosWeight: []float64{2}}), 3, 5),
	)
}

// TestLossIsACost: a loss is what a graph can be differentiated for, as it is.
func TestLossIsACost(t *testing.T) {
	s, g := NewScope(1), TrainGraph(nil)
	x, y := g.Node(s.Param("x", Zeros, 2, 4)), g.Input("y", tensor.Int, 2)
	cost := CrossEntropy(g, x, y, nil)
	require.Empty(t, cost.Shape())
	learnables, err := g.Grad(cost)
	require.NoError(t, err)
	machine, err := g.Machine()
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, machine.Run())
		require.InDelta(t, math.Log(4), numbers(cost.Value())[0], 1e-6)
		grad, err := learnables[0].Grad()
		require.NoError(t, err)
		require.Equal(t, []float32{-0.375, 0.125, 0.125, 0.125, -0.375, 0.125, 0.125, 0.125}, grad.Data())
	}
}

// runLoss is the loss of x and labels, or the error of the run.
func runLoss(t *testing.T, f loss, x []float32, labels []int) (float64, error) {
	g := EvalGraph()
	width := len(x) / len(labels)
	in, y := g.Input("x", tensor.Float32, 2, len(labels)/2, width), g.Input("y", tensor.Int, 2, len(labels)/2)
	out := f(g, in, y)
	machine, err := g.Machine()
	require.NoError(t, err)
	copy(in.Value().Data().([]float32), x)
	copy(y.Value().Data().([]int), labels)
	if err := machine.Run(); err != nil {
		return 0, err
	}
	return numbers(out.Value())[0], nil
}

func TestLabelsOutOfRange(t *testing.T) {
	for _, f := range []loss{crossEntropy(nil), nllLoss(nil)} {
		_, err := runLoss(t, f, make([]float32, 24), []int{0, 1, 2, 3, 4, 0})
		require.ErrorContains(t, err, "label 4 at (1, 1) is out of range: want 0 to 3")
		_, err = runLoss(t, f, make([]float32, 24), []int{0, 1, -1, 3, 4, 0})
		require.ErrorContains(t, err, "label -1 at (0, 2) is out of range")
		_, err = runLoss(t, f, make([]float32, 24), []int{0, 1, -100, 3, 3, 0})
		require.NoError(t, err)
	}
}

// TestLossOfFarLogits: neither exp nor log leaves the numbers of float32.
func TestLossOfFarLogits(t *testing.T) {
	got, err := runLoss(t, crossEntropy(nil), []float32{1e30, 0, -1e30, 0}, []int{1, 1})
	require.NoError(t, err)
	require.InEpsilon(t, 5e29, got, 1e-6)
	got, err = runLoss(t, bceLoss(nil).withZeros, []float32{2000, -2000, 2000, -2000}, []int{0, 0})
	require.NoError(t, err)
	require.InEpsilon(t, 1000, got, 1e-6)
}

// withZeros is f against targets of 0.
func (f loss) withZeros(g *Graph, x, _ *gorgonia.Node) *gorgonia.Node {
	return f(g, x, g.Input("zeros", tensor.Float32, x.Shape()...))
}

func TestLossesRefuse(t *testing.T) {
	input := func(g *Graph, name string, dt tensor.Dtype, shape ...int) *gorgonia.Node {
		return g.Input(name, dt, shape...)
	}
	for want, build := range map[string]func(g *Graph){
		"cross entropy: x is (3, 4) and the labels (4): want (..., V) and (...)": func(g *Graph) {
			CrossEntropy(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Int, 4), nil)
		},
		"NLL loss: the labels are of float32: want int": func(g *Graph) {
			NLLLoss(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Float32, 3), nil)
		},
		"cross entropy: 2 weights for 4 classes": func(g *Graph) {
			CrossEntropy(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Int, 3), &CrossEntropyOptions{Weight: []float64{1, 2}})
		},
		"label smoothing NaN": func(g *Graph) {
			CrossEntropy(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Int, 3), &CrossEntropyOptions{LabelSmoothing: math.NaN()})
		},
		"MSE loss: x is (3, 4) and the target (4, 3)": func(g *Graph) {
			MSELoss(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Float32, 4, 3), nil)
		},
		"BCE with logits: x is (3, 4), and there are 3 weights": func(g *Graph) {
			BCEWithLogits(g, input(g, "x", tensor.Float32, 3, 4), input(g, "y", tensor.Float32, 3, 4), &BCEOptions{PosWeight: []float64{1, 2, 3}})
		},
	} {
		g := TrainGraph(rand.NewPCG(1, 1))
		build(g)
		require.ErrorContains(t, g.Err(), want)
	}
}
