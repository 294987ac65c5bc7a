package nn

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

var pointwise = map[string]Func{
	"relu":        ReLU,
	"gelu":        GELU,
	"gelu_tanh":   GELUTanh,
	"silu":        SiLU,
	"tanh":        Tanh,
	"sigmoid":     Sigmoid,
	"softmax":     Softmax,
	"log_softmax": LogSoftmax,
}

func TestActivationsArePyTorchs(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(pointwise)) {
		of := layer(func(*Scope) Func { return pointwise[name] })
		parity(t, "pointwise", name, true, of)
		parity(t, "pointwise", name+"_one", true, of)
	}
}

func TestNormsArePyTorchs(t *testing.T) {
	layerNorm := func(width int, o *NormOptions) build {
		return layer(func(s *Scope) *LayerNorm { return NewLayerNorm(s, width, o) })
	}
	rmsNorm := func(width int, o *NormOptions) build {
		return layer(func(s *Scope) *RMSNorm { return NewRMSNorm(s, width, o) })
	}
	parity(t, "pointwise", "layer_norm_7", true, layerNorm(7, nil))
	parity(t, "pointwise", "layer_norm_33", true, layerNorm(33, nil))
	parity(t, "pointwise", "layer_norm_no_bias", true, layerNorm(7, &NormOptions{Eps: 1e-12, NoBias: true}))
	parity(t, "pointwise", "layer_norm_no_affine", true, layerNorm(7, &NormOptions{NoAffine: true}))
	parity(t, "pointwise", "rms_norm_7", true, rmsNorm(7, nil))
	parity(t, "pointwise", "rms_norm_33", true, rmsNorm(33, nil))
	parity(t, "pointwise", "rms_norm_eps", true, rmsNorm(7, &NormOptions{Eps: 1e-6}))
	parity(t, "pointwise", "rms_norm_no_affine", true, rmsNorm(7, &NormOptions{NoAffine: true}))
}

// binary is a model of two inputs.
func binary(f func(g *Graph, a, b *gorgonia.Node) *gorgonia.Node) build {
	return func(*Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node { return f(g, in["a"], in["b"]) }
	}
}

// function is a model of one input, without parameters.
func function(f Func) build { return layer(func(*Scope) Func { return f }) }

func TestGradientsOfPointwiseLayers(t *testing.T) {
	shapes := []tensor.Shape{{1, 1}, {3, 5, 7}, {1, 17}, {19}}
	var trials []trial
	for _, name := range slices.Sorted(maps.Keys(pointwise)) {
		for _, s := range shapes {
			trials = append(trials, trial{
				name:   name,
				shapes: map[string]tensor.Shape{"x": s},
				inputs: map[string]Init{"x": awayFromZero},
				model:  function(pointwise[name]),
			})
		}
	}
	gradients(t, trials...)
}

// awayFromZero is where the gradient of ReLU can be told by differences.
func awayFromZero(rng *rand.Rand, _ tensor.Shape, values []float64) {
	fill(values, func() float64 { return math.Copysign(0.1+2*rng.Float64(), rng.Float64()-0.5) })
}

func TestGradientsOfDenseLayersAndNorms(t *testing.T) {
	x := func(s ...int) map[string]tensor.Shape { return map[string]tensor.Shape{"x": s} }
	gradients(t,
		trial{name: "linear", shapes: x(3, 5), model: layer(func(s *Scope) *Linear { return NewLinear(s, 5, 4, nil) })},
		trial{name: "linear, one row", shapes: x(1, 17), model: layer(func(s *Scope) *Linear { return NewLinear(s, 17, 3, nil) })},
		trial{name: "linear, no bias", shapes: x(2, 3, 5), model: layer(func(s *Scope) *Linear { return NewLinear(s, 5, 1, &LinearOptions{NoBias: true}) })},
		trial{name: "conv1d", shapes: x(2, 3, 5), model: layer(func(s *Scope) *Conv1D { return NewConv1D(s, 5, 7, &LinearOptions{WeightInit: Normal(0, 1)}) })},
		trial{name: "layer norm", shapes: x(3, 5, 7), model: layer(func(s *Scope) *LayerNorm { return NewLayerNorm(s, 7, nil) })},
		trial{name: "layer norm, one row", shapes: x(1, 9), model: layer(func(s *Scope) *LayerNorm { return NewLayerNorm(s, 9, nil) })},
		trial{name: "layer norm, plain", shapes: x(2, 9), model: layer(func(s *Scope) *LayerNorm { return NewLayerNorm(s, 9, &NormOptions{NoAffine: true}) })},
		trial{name: "rms norm", shapes: x(3, 5, 7), model: layer(func(s *Scope) *RMSNorm { return NewRMSNorm(s, 7, nil) })},
		trial{name: "rms norm, one row", shapes: x(1, 9), model: layer(func(s *Scope) *RMSNorm { return NewRMSNorm(s, 9, &NormOptions{NoAffine: true}) })},
	)
}

func TestGradientsOfShapesAndArithmetic(t *testing.T) {
	x := func(s ...int) map[string]tensor.Shape { return map[string]tensor.Shape{"x": s} }
	ab := map[string]tensor.Shape{"a": {3, 5}, "b": {3, 5}}
	gradients(t,
		trial{name: "add", shapes: ab, model: binary(Add)},
		trial{name: "add to each", shapes: map[string]tensor.Shape{"a": {2, 3, 5}, "b": {3, 5}}, model: binary(Add)},
		trial{name: "add a row", shapes: map[string]tensor.Shape{"a": {4, 5}, "b": {5}}, model: binary(Add)},
		trial{name: "mul", shapes: ab, model: binary(Mul)},
		trial{name: "add to itself", shapes: x(3, 5), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Add(g, x, x) })},
		trial{name: "square", shapes: x(3, 5), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Mul(g, x, x) })},
		trial{name: "scale", shapes: x(3, 5), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Scale(g, x, -1.5) })},
		trial{name: "reshape", shapes: x(3, 4), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Tanh(g, Reshape(g, x, 2, -1)) })},
		trial{name: "flatten", shapes: x(1, 3, 4), model: function(Flatten)},
		trial{name: "select", shapes: x(2, 3, 4), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Select(g, x, 1, -1) })},
		trial{name: "mean", shapes: x(2, 3, 4), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Mean(g, x, 1) })},
		trial{name: "mean of the last axis", shapes: x(5, 3), model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Mean(g, x, 1) })},
		trial{name: "dropout", shapes: x(5, 33), model: function(Dropout(0.3).Forward)},
		trial{name: "dropout in evaluation", shapes: x(5, 3), eval: true, model: function(func(g *Graph, x *gorgonia.Node) *gorgonia.Node {
			return Scale(g, Dropout(0.3).Forward(g, x), 2)
		})},
	)
}

func TestShapesMoveNumbersWhereTheySay(t *testing.T) {
	g := EvalGraph()
	x := g.Input("x", tensor.Float64, 2, 3, 4)
	for i := range x.Value().Data().([]float64) {
		x.Value().Data().([]float64)[i] = float64(i)
	}
	first, last := Select(g, x, 0, 1), Select(g, x, 2, -1)
	mean, flat := Mean(g, x, 1), Flatten(g, x)
	require.NoError(t, g.Err())
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	require.Equal(t, []float64{12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23}, numbers(first.Value()))
	require.Equal(t, []float64{3, 7, 11, 15, 19, 23}, numbers(last.Value()))
	require.Equal(t, []int{2, 4}, []int(mean.Value().Shape()))
	require.Equal(t, []float64{4, 5, 6, 7, 16, 17, 18, 19}, numbers(mean.Value()))
	require.Equal(t, []int{2, 12}, []int(flat.Value().Shape()))
}

func TestShapesThatDoNotFitAreErrors(t *testing.T) {
	for want, f := range map[string]func(g *Graph, x *gorgonia.Node) *gorgonia.Node{
		"there are 12 numbers":     func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Reshape(g, x, 5, -1) },
		"dimension 1 is 0":         func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Reshape(g, x, 12, 0) },
		"axis 2 of (3, 4)":         func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Mean(g, x, 2) },
		"index -5 of axis 1":       func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Select(g, x, 1, -5) },
		"shapes are (3, 4) and":    func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Add(g, x, Reshape(g, x, 4, 3)) },
		"want 0 to 1":              Dropout(1.5).Forward,
		"the layer takes (..., 5)": NewLinear(NewScope(1).Sub("fc"), 5, 2, nil).Forward,
	} {
		g := TrainGraph(rand.NewPCG(1, 1))
		f(g, g.Input("x", tensor.Float32, 3, 4))
		require.ErrorContains(t, g.Err(), want)
	}
}

func TestDropoutFollowsItsSource(t *testing.T) {
	masks := func(seed uint64, runs int) (all []float64) {
		source := rand.NewPCG(seed, 1)
		g := TrainGraph(source)
		x := g.Input("x", tensor.Float32, 1000)
		for i := range x.Value().Data().([]float32) {
			x.Value().Data().([]float32)[i] = 1
		}
		y := Dropout(0.25).Forward(g, x)
		m, err := g.Machine()
		require.NoError(t, err)
		for range runs {
			require.NoError(t, m.Run())
			all = append(all, numbers(y.Value())...)
		}
		return all
	}
	two := masks(1, 2)
	require.Equal(t, two, masks(1, 2))
	require.NotEqual(t, two[:1000], two[1000:])
	require.NotEqual(t, two, masks(2, 2))
	dropped := 0
	for _, x := range two {
		if x == 0 {
			dropped++
		} else {
			require.InDelta(t, 1/0.75, x, 1e-6)
		}
	}
	require.InDelta(t, 0.25, float64(dropped)/2000, 0.05)
}
