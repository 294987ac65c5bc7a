package optim_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/nn/optim"
)

var (
	_ runs.StatefulSolver = (*optim.Solver)(nil)
	_ runs.StatefulSolver = (*optim.Accumulator)(nil)
)

// transfer saves one solver and restores another, as a program without package runs would.
func transfer(t *testing.T, from, to runs.StatefulSolver) {
	t.Helper()
	raw, err := from.MarshalJSON()
	require.NoError(t, err)
	saved := map[string]gorgonia.Value{}
	for name, v := range from.StateDict() {
		saved[name] = v.Value()
	}
	for name, v := range to.StateDict() {
		require.Contains(t, saved, name)
		overwrite(v.Value(), saved[name])
		delete(saved, name)
	}
	require.Empty(t, saved, "every slot has a place")
	require.NoError(t, to.UnmarshalJSON(raw))
}

func overwrite(to, from gorgonia.Value) {
	switch to := to.(type) {
	case *tensor.Dense:
		copy(to.Raw, from.(*tensor.Dense).Raw)
	case *gorgonia.F32:
		*to = *from.(*gorgonia.F32)
	case *gorgonia.F64:
		*to = *from.(*gorgonia.F64)
	case *gorgonia.I64:
		*to = *from.(*gorgonia.I64)
	}
}

// copyParams are the same values in new memory, as a new process has them.
func copyParams(params []*fake) []*fake {
	var all []*fake
	for _, p := range params {
		all = append(all, &fake{name: p.name, value: p.value.(*tensor.Dense).Clone().(*tensor.Dense)})
	}
	return all
}

// A solver that stops after any number of steps, is saved, and goes on as another one gives the
// bits of one that never stopped.
func TestExactResume(t *testing.T) {
	for dtype := range dtypes {
		f := openFixture(t, dtype)
		for name, make := range cases {
			t.Run(dtype+"/"+name, func(t *testing.T) {
				f.t = t
				for stop := range fixtureSteps {
					params := f.params()
					s, err := make(asParams(params...))
					require.NoError(t, err)
					f.run(s, params, 0, stop)

					others := copyParams(params)
					other, err := make(asParams(others...))
					require.NoError(t, err)
					transfer(t, s, other)
					require.Equal(t, int64(stop), other.Steps())
					require.Equal(t, s.Rates(), other.Rates())

					f.run(s, params, stop, fixtureSteps)
					f.run(other, others, stop, fixtureSteps)
					require.Equal(t, all(params, s), all(others, other), "stopped after %d steps", stop)
				}
			})
		}
	}
}

// The same for an accumulator, in the middle of a sum too.
func TestExactResumeOfSums(t *testing.T) {
	for dtype := range dtypes {
		t.Run(dtype, func(t *testing.T) {
			f := openFixture(t, dtype)
			accumulate := func(params []*fake) *optim.Accumulator {
				s, err := optim.NewSGD(asParams(params...), &optim.SGDOptions{Momentum: 0.9, ClipNorm: 1})
				require.NoError(t, err)
				a, err := optim.NewAccumulator(s, 4)
				require.NoError(t, err)
				return a
			}
			for stop := range fixtureSteps {
				params := f.params()
				a := accumulate(params)
				f.run(a, params, 0, stop)
				others := copyParams(params)
				other := accumulate(others)
				transfer(t, a, other)
				require.Equal(t, stop%4, other.Pending())
				f.run(a, params, stop, fixtureSteps)
				f.run(other, others, stop, fixtureSteps)
				require.Equal(t, all(params, a), all(others, other), "stopped after %d steps", stop)
			}
		})
	}
}

// A training is one process of a run: parameters, solver, average and plateau, all new.
type training struct {
	params  []*fake
	solver  *optim.Accumulator
	ema     *optim.EMA
	plateau *optim.Plateau
}

func newTraining(f fixture) *training {
	w := &training{params: f.params()}
	var err error
	w.plateau, err = optim.NewPlateau(&optim.PlateauOptions{Patience: 1})
	require.NoError(f.t, err)
	s, err := optim.NewAdamW(asParams(w.params...), &optim.AdamWOptions{
		LearningRate: 0.1, WeightDecay: 0.1, ClipNorm: 1,
		Schedule: optim.WarmUp{Steps: 2, Then: w.plateau},
	})
	require.NoError(f.t, err)
	w.solver, err = optim.NewAccumulator(s, 2)
	require.NoError(f.t, err)
	w.ema, err = optim.NewEMA(asParams(w.params...), 0.9)
	require.NoError(f.t, err)
	return w
}

func (w *training) steps(f fixture, begin, end int) {
	for step := begin; step < end; step++ {
		f.run(w.solver, w.params, step, step+1)
		require.NoError(f.t, w.ema.Update())
		w.plateau.Observe(1)
	}
}

func (w *training) model() checkpoint.Model {
	values := map[string]gorgonia.Value{}
	for _, p := range w.params {
		values[p.name] = p.value
	}
	return checkpoint.FromValues(values)
}

func (w *training) everything() map[string][]float64 {
	return all(w.params, w.solver, checkpoint.Group(map[string]checkpoint.Model{"ema": w.ema}))
}

// process opens the run and restores a new training from it.
func (w *training) process(t *testing.T, dir string, work func(*runs.Run, *runs.Restored)) {
	run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	defer func() { require.NoError(t, run.Close()) }()
	restored, err := run.Restore(context.Background(), runs.Weights(w.model()),
		runs.Solver(w.solver, asParams(w.params...), w.model()), runs.Tensors("ema", w.ema), runs.State("plateau", w.plateau))
	require.NoError(t, err)
	work(run, restored)
}

// A run of package runs that stops in the middle of a sum goes on, in a new process, with the bits of a
// run that never stopped.
func TestExactResumeOfARun(t *testing.T) {
	const stop = 5
	for dtype := range dtypes {
		t.Run(dtype, func(t *testing.T) {
			f, dir := openFixture(t, dtype), t.TempDir()
			whole := newTraining(f)
			whole.steps(f, 0, fixtureSteps)
			require.Less(t, whole.plateau.Factor(0), 1.0)

			first := newTraining(f)
			first.process(t, dir, func(run *runs.Run, r *runs.Restored) {
				require.Zero(t, r.Step)
				first.steps(f, 0, stop)
				require.NoError(t, run.Save(context.Background(), stop, nil))
			})
			second := newTraining(f)
			second.process(t, dir, func(_ *runs.Run, r *runs.Restored) {
				require.Equal(t, int64(stop), r.Step)
				require.Empty(t, r.Changed)
				require.Equal(t, 1, second.solver.Pending())
				second.steps(f, stop, fixtureSteps)
			})
			require.Equal(t, whole.everything(), second.everything())
			require.Equal(t, whole.plateau.Factor(0), second.plateau.Factor(0))
		})
	}
}

// The same for nodes of plain Gorgonia, one of which is a scalar without a shape.
func TestExactResumeOfNodes(t *testing.T) {
	const stop, steps = 3, 7
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		t.Run(dt.String(), func(t *testing.T) {
			dir := t.TempDir()
			process := func(work func(*network, *optim.Solver, *runs.Run)) map[string][]float64 {
				net := newNetwork(t, dt, 5, nil, dual)
				s, err := cases["sgd-dampening"](net.params)
				require.NoError(t, err)
				run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
				require.NoError(t, err)
				defer func() { require.NoError(t, run.Close()) }()
				model := checkpoint.FromNodes(net.nodes...)
				_, err = run.Restore(context.Background(), runs.Weights(model), runs.Solver(s, net.params, model))
				require.NoError(t, err)
				work(net, s, run)
				return all(nil, model, s)
			}
			whole := process(func(net *network, s *optim.Solver, _ *runs.Run) { net.run(t, s, steps) })
			process(func(net *network, s *optim.Solver, run *runs.Run) {
				net.run(t, s, stop)
				require.NoError(t, run.Save(context.Background(), stop, nil))
			})
			resumed := process(func(net *network, s *optim.Solver, _ *runs.Run) {
				require.Equal(t, int64(stop), s.Steps())
				net.run(t, s, steps-stop)
			})
			require.Equal(t, whole, resumed)
			require.Contains(t, whole, "momentum_buffer.s")
		})
	}
}

// While an average is swapped in, a checkpoint of it is an error, and none is made.
func TestNoCheckpointOfASwappedAverage(t *testing.T) {
	f, dir := openFixture(t, "float32"), t.TempDir()
	w := newTraining(f)
	w.process(t, dir, func(run *runs.Run, _ *runs.Restored) {
		w.steps(f, 0, 3)
		require.NoError(t, w.ema.Swap())
		err := run.Save(context.Background(), 3, nil)
		require.ErrorContains(t, err, "swappedIn")
		require.NoError(t, w.ema.Swap())
		require.NoError(t, run.Save(context.Background(), 3, nil))
	})
}

// A solver of another kind does not take a run's state.
func TestAnotherKindInARun(t *testing.T) {
	f, dir := openFixture(t, "float32"), t.TempDir()
	open := func(s *optim.Solver, params []*fake) error {
		run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		defer func() { require.NoError(t, run.Close()) }()
		w := &training{params: params}
		if _, err = run.Restore(context.Background(), runs.Solver(s, asParams(params...), w.model())); err != nil {
			return err
		}
		f.run(s, params, 0, 1)
		return run.Save(context.Background(), 1, nil)
	}
	params := f.params()
	adam, err := optim.NewAdam(asParams(params...), nil)
	require.NoError(t, err)
	require.NoError(t, open(adam, params))
	params = f.params()
	adamw, err := optim.NewAdamW(asParams(params...), nil)
	require.NoError(t, err)
	require.ErrorContains(t, open(adamw, params), `the state is that of "adam", want "adamw"`)
	require.Zero(t, adamw.Steps())
	for name, v := range adamw.StateDict() {
		require.Equal(t, make([]float64, len(floats(v.Value()))), floats(v.Value()), name)
	}
}

// A resume with other settings keeps them, and tells of the change.
func TestOtherSettingsAreToldOf(t *testing.T) {
	f, dir := openFixture(t, "float32"), t.TempDir()
	resume := func(rate float64) (*runs.Restored, *optim.Accumulator) {
		params := f.params()
		adam, err := optim.NewAdam(asParams(params...), &optim.AdamOptions{LearningRate: rate})
		require.NoError(t, err)
		solver, err := optim.NewAccumulator(adam, 2)
		require.NoError(t, err)
		run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		defer func() { require.NoError(t, run.Close()) }()
		w := &training{params: params}
		restored, err := run.Restore(context.Background(), runs.Solver(solver, asParams(params...), w.model()))
		require.NoError(t, err)
		require.NoError(t, run.Save(context.Background(), restored.Step+1, nil))
		return restored, solver
	}
	resume(0.5)
	restored, solver := resume(0.25)
	require.Len(t, restored.Changed, 1)
	require.Equal(t, runs.Change{What: "optimizer.learning_rate", Was: "0.5", Is: "0.25", Numeric: restored.Changed[0].Numeric}, restored.Changed[0])
	state, err := solver.MarshalJSON()
	require.NoError(t, err)
	require.Contains(t, string(state), `"learning_rate":0.25`)
}
