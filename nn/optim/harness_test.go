package optim_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/nn/optim"
)

// A fake is a parameter with a gradient that a test decides.
type fake struct {
	name  string
	value gorgonia.Value
	grad  gorgonia.Value
	err   error
}

func (f *fake) Name() string                  { return f.name }
func (f *fake) Value() gorgonia.Value         { return f.value }
func (f *fake) Grad() (gorgonia.Value, error) { return f.grad, f.err }

// vector is a parameter of that many elements, all x, with the gradient g.
func vector(name string, n int, x, g float64) *fake {
	return &fake{name: name, value: filled(n, x), grad: filled(n, g)}
}

// float32s is a parameter of that many elements, with a gradient of different ones.
func float32s(name string, n int) *fake {
	data, grad := make([]float32, n), make([]float32, n)
	for i := range grad {
		data[i], grad[i] = 1, float32(i%7)-3
	}
	return &fake{
		name:  name,
		value: tensor.New(tensor.WithShape(n), tensor.WithBacking(data)),
		grad:  tensor.New(tensor.WithShape(n), tensor.WithBacking(grad)),
	}
}

func filled(n int, x float64) *tensor.Dense {
	data := slices.Repeat([]float64{x}, n)
	return tensor.New(tensor.WithShape(n), tensor.WithBacking(data))
}

func asParams(fakes ...*fake) []gorgonia.ValueGrad {
	all := make([]gorgonia.ValueGrad, len(fakes))
	for i, f := range fakes {
		all[i] = f
	}
	return all
}

// A make makes the solver of one case.
type newSolver func([]gorgonia.ValueGrad) (*optim.Solver, error)

// cases are those of testdata/gen/optim.py.
var cases = map[string]newSolver{
	"sgd":           of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1}),
	"sgd-decay":     of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, WeightDecay: 0.1}),
	"sgd-momentum":  of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, Momentum: 0.9}),
	"sgd-nesterov":  of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, Momentum: 0.9, Nesterov: true, WeightDecay: 0.05}),
	"sgd-dampening": of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, Momentum: 0.8, Dampening: 0.3, WeightDecay: 0.05}),
	"adam":          of(optim.NewAdam, &optim.AdamOptions{LearningRate: 0.1}),
	"adam-decay": of(optim.NewAdam, &optim.AdamOptions{
		LearningRate: 0.05, Betas: [2]float64{0.8, 0.95}, Epsilon: 1e-4, WeightDecay: 0.1,
	}),
	"adam-no-momentum": of(optim.NewAdam, &optim.AdamOptions{LearningRate: 0.05, Betas: [2]float64{0, 0.99}}),
	"adamw":            of(optim.NewAdamW, &optim.AdamWOptions{WeightDecay: 0.01}),
	"adamw-decay": of(optim.NewAdamW, &optim.AdamWOptions{
		LearningRate: 0.05, Betas: [2]float64{0.8, 0.95}, Epsilon: 1e-4, WeightDecay: 0.3,
	}),
	"rmsprop":          of(optim.NewRMSProp, nil),
	"rmsprop-centered": of(optim.NewRMSProp, &optim.RMSPropOptions{LearningRate: 0.02, Alpha: 0.9, Epsilon: 1e-3, Centered: true}),
	"rmsprop-momentum": of(optim.NewRMSProp, &optim.RMSPropOptions{Momentum: 0.8, WeightDecay: 0.1}),
	"rmsprop-all": of(optim.NewRMSProp, &optim.RMSPropOptions{
		Alpha: 0.9, Momentum: 0.8, WeightDecay: 0.1, Centered: true, Epsilon: 1e-3,
	}),
	"adagrad": of(optim.NewAdagrad, nil),
	"adagrad-all": of(optim.NewAdagrad, &optim.AdagradOptions{
		LearningRate: 0.1, RateDecay: 0.2, WeightDecay: 0.1, Initial: 0.3, Epsilon: 1e-3,
	}),
	"lion":       of(optim.NewLion, &optim.LionOptions{LearningRate: 1e-2}),
	"lion-decay": of(optim.NewLion, &optim.LionOptions{LearningRate: 1e-2, Betas: [2]float64{0.8, 0.95}, WeightDecay: 0.5}),
	"clip-value": of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, Momentum: 0.9, WeightDecay: 0.1, ClipValue: 0.5}),
	"clip-norm":  of(optim.NewAdamW, &optim.AdamWOptions{LearningRate: 0.1, WeightDecay: 0.1, ClipNorm: 1}),
	"clip-loose": of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, ClipNorm: 100}),
	"clip-both":  of(optim.NewSGD, &optim.SGDOptions{LearningRate: 0.1, ClipValue: 0.5, ClipNorm: 1}),
	"groups": of(optim.NewAdamW, &optim.AdamWOptions{
		LearningRate: 0.05, WeightDecay: 0.3,
		Groups: []optim.Group[optim.AdamWOptions]{
			{Names: []string{"b"}, Set: func(o *optim.AdamWOptions) { o.WeightDecay = 0 }},
			{Match: func(name string) bool { return name > "b" }, Set: func(o *optim.AdamWOptions) {
				o.LearningRate, o.Betas = 0.01, [2]float64{0.5, 0.9}
			}},
		},
	}),
	"scheduled": of(optim.NewAdamW, &optim.AdamWOptions{
		LearningRate: 0.1, WeightDecay: 0.1,
		Schedule: optim.WarmUp{Steps: 3, Start: 0.25, Then: optim.Cosine{Steps: 7, Min: 0.1}},
	}),
}

func of[O any](f func([]gorgonia.ValueGrad, *O) (*optim.Solver, error), o *O) newSolver {
	return func(params []gorgonia.ValueGrad) (*optim.Solver, error) { return f(params, o) }
}

// A fixture is a file of testdata/gen/optim.py.
type fixture struct {
	t    *testing.T
	file *safetensors.File
}

func openFixture(t *testing.T, name string) fixture {
	t.Helper()
	f, err := safetensors.Open("testdata/"+name+".safetensors", nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return fixture{t, f}
}

// tensor is a copy of a tensor in the file.
func (f fixture) tensor(name string) *tensor.Dense {
	f.t.Helper()
	stored, err := f.file.Tensor(name)
	require.NoError(f.t, err)
	d, err := checkpoint.Dense(stored)
	require.NoError(f.t, err)
	return d
}

// params are the parameters that all cases begin with.
func (f fixture) params() []*fake {
	var all []*fake
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, &fake{name: name, value: f.tensor("start/" + name)})
	}
	return all
}

const fixtureSteps = 10

// give sets the gradients of a step.
func (f fixture) give(step int, params []*fake) {
	for _, p := range params {
		p.grad = f.tensor(fmt.Sprintf("grad/%d/%s", step, p.name))
	}
}

// run does some of the ten steps.
func (f fixture) run(s gorgonia.Solver, params []*fake, begin, end int) {
	f.t.Helper()
	for step := begin; step < end; step++ {
		f.give(step, params)
		require.NoError(f.t, s.Step(asParams(params...)))
	}
}

// requireCase compares parameters and slots with those of a case, of which none may be missing.
func (f fixture) requireCase(name string, params []*fake, slots checkpoint.Model, tolerance float64) {
	f.t.Helper()
	got := map[string]gorgonia.Value{}
	for _, p := range params {
		got[p.name] = p.value
	}
	for slot, v := range slots.StateDict() {
		got[slot] = v.Value()
	}
	want := map[string]gorgonia.Value{}
	for _, stored := range f.file.Names() {
		if of, ok := strings.CutPrefix(stored, name+"/"); ok {
			want[of] = f.tensor(stored)
		}
	}
	require.Equal(f.t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got)))
	for key, w := range want {
		requireNear(f.t, floats(w), floats(got[key]), tolerance, key)
	}
}

// requireNear wants differences within a tolerance that is relative to the largest magnitude.
func requireNear(t *testing.T, want, got []float64, tolerance float64, what string) {
	t.Helper()
	require.Len(t, got, len(want), what)
	largest := 0.0
	for _, x := range want {
		largest = max(largest, math.Abs(x))
	}
	for i := range want {
		require.InDelta(t, want[i], got[i], tolerance*largest, "%s[%d]", what, i)
	}
}

// floats are the elements of a value, widened.
func floats(v gorgonia.Value) []float64 {
	if v.MemSize() == 0 {
		return nil // Data panics
	}
	switch x := v.Data().(type) {
	case int64:
		return []float64{float64(x)}
	case float64:
		return []float64{x}
	case float32:
		return []float64{float64(x)}
	case []float64:
		return slices.Clone(x)
	case []float32:
		wide := make([]float64, len(x))
		for i := range x {
			wide[i] = float64(x[i])
		}
		return wide
	}
	panic(fmt.Sprintf("a %T", v))
}

// all is everything that a training has learnt, by name.
func all(params []*fake, models ...checkpoint.Model) map[string][]float64 {
	got := map[string][]float64{}
	for _, p := range params {
		got["param "+p.name] = floats(p.value)
	}
	for _, m := range models {
		for name, v := range m.StateDict() {
			got[name] = floats(v.Value())
		}
	}
	return got
}

var dtypes = map[string]float64{"float32": 1e-5, "float64": 1e-10}

var errTest = errors.New("no gradient today")
