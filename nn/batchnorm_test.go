package nn

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func batchNorm1d(channels int, o *BatchNormOptions) build {
	return layer(func(s *Scope) *BatchNorm { return NewBatchNorm1d(s, channels, o) })
}

func batchNorm2d(channels int, o *BatchNormOptions) build {
	return layer(func(s *Scope) *BatchNorm { return NewBatchNorm2d(s, channels, o) })
}

// batchNorms are those cases of testdata/gen/batchnorm.py that are there for both modes.
var batchNorms = map[string]struct {
	shape tensor.Shape
	model build
}{
	"images":      {tensor.Shape{4, 3, 5, 6}, batchNorm2d(3, nil)},
	"lines":       {tensor.Shape{3, 5, 7}, batchNorm1d(5, nil)},
	"rows":        {tensor.Shape{6, 5}, batchNorm1d(5, nil)},
	"plain":       {tensor.Shape{2, 3, 4, 3}, batchNorm2d(3, &BatchNormOptions{NoAffine: true})},
	"no_stats":    {tensor.Shape{2, 3, 4, 3}, batchNorm2d(3, &BatchNormOptions{NoStats: true})},
	"momentum":    {tensor.Shape{1, 2, 3, 2}, batchNorm2d(2, &BatchNormOptions{Momentum: 0.3, Eps: 1e-2})},
	"cumulative":  {tensor.Shape{5, 4}, batchNorm1d(4, &BatchNormOptions{Cumulative: true})},
	"one_channel": {tensor.Shape{2, 1, 3, 3}, batchNorm2d(1, nil)},
}

// Results, gradients and the buffers afterwards, in training and in evaluation.
func TestBatchNormIsPyTorchs(t *testing.T) {
	for name, c := range batchNorms {
		parity(t, "batchnorm", name, true, c.model)
		parity(t, "batchnorm", name+"_eval", false, c.model)
	}
	parity(t, "batchnorm", "far", true, batchNorm2d(2, nil))
	parity(t, "batchnorm", "long", true, batchNorm1d(1, nil))
	parity(t, "batchnorm", "rows_plain", true, batchNorm1d(3, &BatchNormOptions{NoAffine: true, NoStats: true}))
}

func TestGradientsOfBatchNorm(t *testing.T) {
	for name, c := range batchNorms {
		shapes := map[string]tensor.Shape{"x": c.shape}
		gradients(t, trial{name: name, shapes: shapes, model: c.model}, trial{name: name + "_eval", shapes: shapes, model: c.model, eval: true})
	}
}

// Running statistics follow PyTorch's from batch to batch, and the graph that evaluates, built
// before, sees them.
func TestRunningStatisticsArePyTorchs(t *testing.T) {
	runs := map[string]build{"run": batchNorm2d(3, nil), "run_cumulative": batchNorm1d(3, &BatchNormOptions{Cumulative: true})}
	for name, model := range runs {
		for short, dt := range dtypes {
			t.Run(name+"/"+short, func(t *testing.T) {
				f, err := safetensors.Open(filepath.Join("testdata", "batchnorm.safetensors"), nil)
				require.NoError(t, err)
				defer f.Close()
				c := fixture{t, f, name + "." + short + ".", tolerance[dt]}
				s := NewScopeOf(dt, Seeded(1))
				forward := model(s)
				run, eval := runner(t, forward, dt, c.dense("0.x").Shape(), true), runner(t, forward, dt, c.dense("0.x").Shape(), false)
				for key, v := range s.StateDict() {
					c.fill(v.Value(), "state."+key)
				}
				for i := range 4 {
					c.compare(run(c.dense(fmt.Sprint(i, ".x"))), fmt.Sprint(i, ".out"))
					for _, key := range []string{"running_mean", "running_var", "num_batches_tracked"} {
						p, ok := s.Named(key)
						require.True(t, ok)
						c.compare(p.Value(), fmt.Sprint(i, ".after.", key))
					}
				}
				c.compare(eval(c.dense("0.x")), "eval.out")
			})
		}
	}
}

// runner gives a function that runs a graph of its own for one x.
func runner(t *testing.T, forward func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node, dt tensor.Dtype, shape tensor.Shape, train bool) func(x *tensor.Dense) gorgonia.Value {
	g := newGraph(train, nil)
	x := g.Input("x", dt, shape...)
	out := forward(g, map[string]*gorgonia.Node{"x": x})
	require.NoError(t, g.Err())
	machine, err := g.Machine()
	require.NoError(t, err)
	return func(value *tensor.Dense) gorgonia.Value {
		copy(x.Value().(*tensor.Dense).Raw, value.Raw)
		require.NoError(t, machine.Run())
		return out.Value()
	}
}

// convAndNorm is a model with a convolution and a batch normalization, by PyTorch's names.
func convAndNorm(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
	return layer(func(s *Scope) Sequential {
		return Sequential{NewConv2d(s.Index(0), 2, 3, Square(3), nil), NewBatchNorm2d(s.Index(1), 3, nil)}
	})(s)
}

// ramp is an x that is not the same everywhere.
func ramp(shape tensor.Shape) *tensor.Dense {
	x := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	for i := range x.Float32s() {
		x.Float32s()[i] = float32(i*i%17) / 8
	}
	return x
}

// What a file holds reaches the graph that evaluates, though that was built before it was loaded,
// and training goes on from there.
func TestRunningStatisticsAreSavedAndLoaded(t *testing.T) {
	x, path := ramp(tensor.Shape{2, 2, 5, 4}), filepath.Join(t.TempDir(), "model.safetensors")
	a, b := NewScope(1), NewScope(2)
	forwardA, forwardB := convAndNorm(a), convAndNorm(b)
	trainA, trainB := runner(t, forwardA, tensor.Float32, x.Shape(), true), runner(t, forwardB, tensor.Float32, x.Shape(), true)
	evalA, evalB := runner(t, forwardA, tensor.Float32, x.Shape(), false), runner(t, forwardB, tensor.Float32, x.Shape(), false)
	for range 3 {
		trainA(x)
	}
	trainB(x)
	want := numbers(evalA(x))
	require.NotEqual(t, want, numbers(evalB(x)))

	require.NoError(t, checkpoint.SaveModel(t.Context(), path, a, nil))
	_, err := checkpoint.LoadModel(t.Context(), path, b, nil)
	require.NoError(t, err)
	require.Equal(t, want, numbers(evalB(x)))
	batches, ok := b.Named("1.num_batches_tracked")
	require.True(t, ok)
	require.Equal(t, int64(3), batches.Value().Data())

	require.Equal(t, numbers(trainA(x)), numbers(trainB(x)))
	require.Equal(t, int64(4), batches.Value().Data())
	require.Equal(t, numbers(evalA(x)), numbers(evalB(x)))
}

// PyTorch loads our file strictly, evaluates to the same, trains once more, and saves what we load.
func TestPythonLoadsBatchNorm(t *testing.T) {
	interpreter := os.Getenv("KIBISIS_PYTHON")
	if interpreter == "" {
		t.Skip("KIBISIS_PYTHON does not name a Python with torch and safetensors")
	}
	x, dir := ramp(tensor.Shape{2, 2, 5, 4}), t.TempDir()
	s := NewScope(1)
	forward := convAndNorm(s)
	train, eval := runner(t, forward, tensor.Float32, x.Shape(), true), runner(t, forward, tensor.Float32, x.Shape(), false)
	train(x)
	ours, theirs := filepath.Join(dir, "ours.safetensors"), filepath.Join(dir, "theirs.safetensors")
	require.NoError(t, checkpoint.SaveModel(t.Context(), ours, s, nil))

	cmd := exec.Command(interpreter, filepath.Join("testdata", "interop", "batchnorm.py"), ours, theirs, filepath.Join(dir, "results.safetensors"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	require.NoError(t, cmd.Run(), stderr.String())

	f, err := safetensors.Open(filepath.Join(dir, "results.safetensors"), nil)
	require.NoError(t, err)
	defer f.Close()
	c := fixture{t, f, "", tolerance[tensor.Float32]}
	copy(x.Raw, c.dense("x").Raw)
	c.compare(eval(x), "eval")
	c.compare(train(x), "train")
	c.compare(eval(x), "eval_after")
	mean, _ := s.Named("1.running_mean")
	before := append([]float64(nil), numbers(mean.Value())...)
	_, err = checkpoint.LoadModel(t.Context(), theirs, s, nil)
	require.NoError(t, err)
	requireClose(t, before, numbers(mean.Value()), tolerance[tensor.Float32], "running_mean")
	batches, _ := s.Named("1.num_batches_tracked")
	require.Equal(t, int64(2), batches.Value().Data())
	c.compare(eval(x), "eval_after")
}

func TestBatchNormRefuses(t *testing.T) {
	require.ErrorContains(t, refusal(tensor.Shape{1, 3, 1, 1}, batchNorm2d(3, nil)), "one value for each channel")
	require.ErrorContains(t, refusal(tensor.Shape{1, 3}, batchNorm1d(3, &BatchNormOptions{NoStats: true})), "one value for each channel")
	require.ErrorContains(t, refusal(tensor.Shape{2, 4, 3}, batchNorm1d(3, nil)), "want (4)")
	require.ErrorContains(t, refusal(tensor.Shape{2, 4, 3}, batchNorm1d(3, &BatchNormOptions{NoAffine: true})), "want (4)")
	require.ErrorContains(t, refusal(tensor.Shape{2, 3, 4}, batchNorm2d(3, nil)), "want [4] dimensions")
	require.ErrorContains(t, refusal(tensor.Shape{2, 3, 4, 4}, batchNorm1d(3, nil)), "want [2 3] dimensions")
	require.ErrorContains(t, refusal(tensor.Shape{2, 3}, batchNorm1d(3, &BatchNormOptions{Momentum: 2})), "a momentum of 2")
	require.ErrorContains(t, refusal(tensor.Shape{2, 3}, batchNorm1d(3, &BatchNormOptions{Momentum: 0.1, Cumulative: true})), "one of the two")

	// One value for each channel can be evaluated.
	s, g := NewScope(1), EvalGraph()
	NewBatchNorm1d(s, 3, nil).Forward(g, g.Input("x", tensor.Float32, 1, 3))
	require.NoError(t, g.Err())
}
