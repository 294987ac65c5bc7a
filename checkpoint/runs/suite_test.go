package runs

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
)

// A loop is a small training loop with everything that must be saved: weights, a solver, the order of
// the data, dropout by a mask, and a step size that is scheduled.
type loop struct {
	t       testing.TB
	weights G.Nodes
	x, y, d *tensor.Dense
	vm      G.VM
	solver  G.Solver
	order   []G.ValueGrad
	cost    G.Value

	rng  *rand.PCG // of masks and data
	data position
}

// A position is where the data is, in JSON.
type position struct {
	Epoch int64 `json:"epoch"`
	Next  int64 `json:"next"`
}

const (
	rows, in, hidden, out = 8, 5, 7, 3
)

// newLoop makes a loop. Loops of one seed and solver are equal.
func newLoop(t testing.TB, dt tensor.Dtype, seed uint64, solver G.Solver) *loop {
	t.Helper()
	l := &loop{t: t, solver: solver, rng: rand.NewPCG(seed, 1)}
	init := rand.New(rand.NewPCG(seed, 2))
	g := G.NewGraph()
	param := func(name string, shape ...int) *G.Node {
		return G.NewTensor(g, dt, len(shape), G.WithShape(shape...), G.WithName(name), G.WithValue(random(init, dt, shape...)))
	}
	w1, w2, w3 := param("fc1.weight", in, hidden), param("fc2.weight", hidden, hidden), param("fc3.weight", hidden, out)
	l.weights = G.Nodes{w1, w2, w3}
	l.x, l.y, l.d = zeros(dt, rows, in), zeros(dt, rows, out), zeros(dt, rows, hidden)
	x := G.NewMatrix(g, dt, G.WithName("x"), G.WithValue(l.x))
	y := G.NewMatrix(g, dt, G.WithName("y"), G.WithValue(l.y))
	d := G.NewMatrix(g, dt, G.WithName("mask"), G.WithValue(l.d))
	h := G.Must(G.HadamardProd(G.Must(G.Tanh(G.Must(G.Mul(x, w1)))), d))
	h = G.Must(G.Tanh(G.Must(G.Mul(h, w2))))
	diff := G.Must(G.Sub(G.Must(G.Mul(h, w3)), y))
	cost := G.Must(G.Mean(G.Must(G.Square(diff))))
	G.Read(cost, &l.cost)
	_, err := G.Grad(cost, l.weights...)
	require.NoError(t, err)
	l.vm = G.NewTapeMachine(g, G.BindDualValues(l.weights...))
	l.order = G.NodesToValueGrads(l.weights)
	return l
}

func zeros(dt tensor.Dtype, shape ...int) *tensor.Dense {
	return tensor.New(tensor.Of(dt), tensor.WithShape(shape...))
}

func random(rng *rand.Rand, dt tensor.Dtype, shape ...int) *tensor.Dense {
	d := zeros(dt, shape...)
	fillWith(d, func() float64 { return rng.NormFloat64() / 3 })
	return d
}

func fillWith(d *tensor.Dense, f func() float64) {
	switch v := d.Data().(type) {
	case []float32:
		for i := range v {
			v[i] = float32(f())
		}
	case []float64:
		for i := range v {
			v[i] = f()
		}
	}
}

// step trains once.
func (l *loop) step() {
	l.t.Helper()
	rng := rand.New(l.rng)
	fillWith(l.x, rng.NormFloat64)
	fillWith(l.y, rng.NormFloat64)
	fillWith(l.d, func() float64 { return float64(rng.IntN(2)) * 2 })
	require.NoError(l.t, l.vm.RunAll())
	require.NoError(l.t, l.solver.Step(l.order))
	l.vm.Reset()
	if l.data.Next += rows; l.data.Next >= 100 {
		l.data.Epoch, l.data.Next = l.data.Epoch+1, 0
	}
}

// once is step as SelfTest takes it.
func (l *loop) once(context.Context) error { l.step(); return nil }

func (l *loop) model() checkpoint.Model { return checkpoint.FromNodes(l.weights...) }

// parts are all of the loop's state.
func (l *loop) parts() []Part {
	return []Part{
		Weights(l.model()), Solver(l.solver, l.order, l.model()),
		State("random", l.rng), State("data", &l.data),
	}
}

// bits are all weights, for comparison.
func (l *loop) bits() string {
	text := ""
	for _, n := range l.weights {
		text += fmt.Sprintf("%s %x\n", n.Name(), n.Value().(*tensor.Dense).Raw)
	}
	return text
}

func adam() G.Solver { return G.NewAdamSolver(G.WithLearnRate(0.01), G.WithL2Reg(0.001)) }

// newRun opens a run with the options, silently.
func newRun(t testing.TB, path string, o *Options) *Run {
	t.Helper()
	if o == nil {
		o = &Options{}
	}
	o.Log = slog.New(slog.DiscardHandler)
	r, err := Open(path, o)
	require.NoError(t, err)
	return r
}

func runPath(t testing.TB) string { return filepath.Join(t.TempDir(), "runs", "test") }
