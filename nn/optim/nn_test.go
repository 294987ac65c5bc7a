package optim_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"path"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/nn"
	"github.com/fb777929/kibisis/nn/optim"
)

// A regression is a model of package nn that learns sums of squares, with graphs for batches of two
// sizes: an epoch is three large batches and one that is left over.
type regression struct {
	t      *testing.T
	scope  *nn.Scope
	large  half
	small  half
	solver *optim.Solver
}

// half is a graph of one size.
type half struct {
	x, y, loss *gorgonia.Node
	learnables []gorgonia.ValueGrad
	machine    *nn.Machine
}

func newRegression(t *testing.T, dt tensor.Dtype) *regression {
	s := nn.NewScopeOf(dt, nn.Seeded(1))
	net := nn.Sequential{
		nn.NewLinear(s.Sub("hidden"), 3, 8, nil),
		nn.Func(func(g *nn.Graph, x *gorgonia.Node) *gorgonia.Node { return gorgonia.Must(gorgonia.Tanh(x)) }),
		nn.NewLinear(s.Sub("out"), 8, 1, nil),
	}
	require.NoError(t, s.Err())
	r := &regression{t: t, scope: s}
	r.large, r.small = r.graph(net, 8), r.graph(net, 2)
	var err error
	r.solver, err = optim.NewAdamW(r.large.learnables, &optim.AdamWOptions{
		LearningRate: 0.01, WeightDecay: 0.01, ClipNorm: 1,
		Schedule: optim.Cosine{Steps: 400, Min: 0.1},
		Groups: []optim.Group[optim.AdamWOptions]{{
			Match: func(name string) bool { return path.Ext(name) == ".bias" },
			Set:   func(o *optim.AdamWOptions) { o.WeightDecay = 0 },
		}},
	})
	require.NoError(t, err)
	return r
}

func (r *regression) graph(net nn.Sequential, n int) half {
	g := nn.TrainGraph(rand.NewPCG(1, 2))
	dt := r.scope.Dtype()
	h := half{x: g.Input("x", dt, n, 3), y: g.Input("y", dt, n, 1)}
	h.loss = nn.MSELoss(g, net.Forward(g, h.x), h.y, nil)
	var err error
	h.learnables, err = g.Grad(h.loss)
	require.NoError(r.t, err)
	h.machine, err = g.Machine()
	require.NoError(r.t, err)
	return h
}

// step trains on rows that the number of the step decides, and returns the loss.
func (r *regression) step(step int) float64 {
	h := r.large
	if step%4 == 3 {
		h = r.small
	}
	rng := rand.New(rand.NewPCG(3, uint64(step)))
	x, y := h.x.Value().(*tensor.Dense), h.y.Value().(*tensor.Dense)
	for i := range y.Shape()[0] {
		sum := 0.0
		for j := range 3 {
			v := rng.Float64()*2 - 1
			sum += v * v
			set(x, 3*i+j, v)
		}
		set(y, i, sum)
	}
	require.NoError(r.t, h.machine.Run())
	require.NoError(r.t, r.solver.Step(h.learnables))
	return floats(h.loss.Value())[0]
}

func set(d *tensor.Dense, i int, x float64) {
	switch data := d.Data().(type) {
	case []float32:
		data[i] = float32(x)
	case []float64:
		data[i] = x
	}
}

// A model of package nn learns, with two graphs and one solver, and goes on in a new process with
// the same bits.
func TestModelOfNN(t *testing.T) {
	const stop, steps = 203, 400
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		t.Run(dt.String(), func(t *testing.T) {
			ctx, dir := context.Background(), t.TempDir()
			open := func(r *regression) (*runs.Run, int64) {
				run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
				require.NoError(t, err)
				restored, err := run.Restore(ctx, runs.Weights(r.scope), runs.Solver(r.solver, r.small.learnables, r.scope))
				require.NoError(t, err)
				return run, restored.Step
			}
			whole := newRegression(t, dt)
			first := whole.step(0)
			for step := 1; step < steps; step++ {
				whole.step(step)
			}
			require.Less(t, whole.step(0), first/10, "it learns")

			stopped := newRegression(t, dt)
			run, _ := open(stopped)
			for step := range stop {
				stopped.step(step)
			}
			require.NoError(t, run.Save(ctx, stop, nil))
			require.NoError(t, run.Close())

			resumed := newRegression(t, dt)
			run, step := open(resumed)
			require.NoError(t, run.Close())
			for ; step < steps; step++ {
				resumed.step(int(step))
			}
			resumed.step(0)
			require.Equal(t, all(nil, whole.scope, whole.solver), all(nil, resumed.scope, resumed.solver))
		})
	}
}
