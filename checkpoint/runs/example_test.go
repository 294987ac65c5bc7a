package runs_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A regression learns y = 2x + noise, one number at a time.
type regression struct {
	w, x, y *G.Node
	solver  G.Solver
	order   []G.ValueGrad
	vm      G.VM
	noise   *rand.PCG
}

func newRegression() *regression {
	r := &regression{solver: G.NewAdamSolver(G.WithLearnRate(0.1)), noise: rand.NewPCG(1, 2)}
	g := G.NewGraph()
	vector := func(name string) *G.Node {
		return G.NewVector(g, tensor.Float64, G.WithName(name), G.WithShape(1), G.WithInit(G.Zeroes()))
	}
	r.w, r.x, r.y = vector("w"), vector("x"), vector("y")
	cost := G.Must(G.Sum(G.Must(G.Square(G.Must(G.Sub(G.Must(G.HadamardProd(r.w, r.x)), r.y))))))
	if _, err := G.Grad(cost, r.w); err != nil {
		panic(err)
	}
	r.vm = G.NewTapeMachine(g, G.BindDualValues(r.w))
	r.order = G.NodesToValueGrads(G.Nodes{r.w})
	return r
}

func (r *regression) step(context.Context) error {
	rng := rand.New(r.noise)
	x := rng.Float64()
	r.x.Value().Data().([]float64)[0] = x
	r.y.Value().Data().([]float64)[0] = 2*x + rng.NormFloat64()/100
	if err := r.vm.RunAll(); err != nil {
		return err
	}
	r.vm.Reset()
	return r.solver.Step(r.order)
}

func (r *regression) parts() []runs.Part {
	model := checkpoint.FromNodes(r.w)
	return []runs.Part{runs.Weights(model), runs.Solver(r.solver, r.order, model), runs.State("noise", r.noise)}
}

func (r *regression) weight() []float64 { return r.w.Value().Data().([]float64) }

var silent = slog.New(slog.DiscardHandler)

// A run that is started three times: the weight is the one that it would have had without a stop.
func Example() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	train := func(total int64) (err error) {
		r := newRegression()
		run, err := runs.Open(filepath.Join(dir, "line"), &runs.Options{EverySteps: 100, Log: silent})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, run.Close()) }()
		ctx := context.Background()
		restored, err := run.Restore(ctx, r.parts()...)
		if err != nil {
			return err
		}
		for step := restored.Step; step < total; step++ {
			if err := r.step(ctx); err != nil {
				return err
			}
			if err := run.SaveIfDue(ctx, step+1, nil); err != nil {
				return err
			}
		}
		fmt.Printf("from step %d to %d: w = %.12f\n", restored.Step, total, r.weight()[0])
		return run.Finish(ctx)
	}
	for _, total := range []int64{120, 130, 300} {
		if err := train(total); err != nil {
			panic(err)
		}
	}

	whole := newRegression()
	for range 300 {
		if err := whole.step(context.Background()); err != nil {
			panic(err)
		}
	}
	fmt.Printf("without a stop:        w = %.12f\n", whole.weight()[0])
	// Output:
	// from step 0 to 120: w = 2.002448584298
	// from step 120 to 130: w = 2.000661451698
	// from step 130 to 300: w = 1.996216268245
	// without a stop:        w = 1.996216268245
}

// A source of random numbers that is forgotten is found before it costs a week.
func ExampleSelfTest() {
	r := newRegression()
	model := checkpoint.FromNodes(r.w)
	forgetful := []runs.Part{runs.Weights(model), runs.Solver(r.solver, r.order, model)}
	err := runs.SelfTest(context.Background(), 3, r.step, forgetful...)
	fmt.Println(errors.Is(err, runs.ErrSelfTest))
	fmt.Println(runs.SelfTest(context.Background(), 3, r.step, r.parts()...))
	// Output:
	// true
	// <nil>
}

// A state with NaN in it is not saved, and the run goes back.
func ExampleRun_Rollback() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	r := newRegression()
	run, err := runs.Open(dir, &runs.Options{Log: silent})
	if err != nil {
		panic(err)
	}
	defer run.Close()
	ctx := context.Background()
	if _, err := run.Restore(ctx, r.parts()...); err != nil {
		panic(err)
	}
	r.weight()[0] = 1.5
	if err := run.Save(ctx, 10, nil); err != nil {
		panic(err)
	}
	r.weight()[0] = math.NaN()
	if err := run.Save(ctx, 11, nil); errors.Is(err, runs.ErrNotFinite) {
		restored, err := run.Rollback(ctx, runs.LastGood())
		fmt.Println("back at step", restored.Step, r.weight(), err)
	}
	// Output:
	// back at step 10 [1.5] <nil>
}
