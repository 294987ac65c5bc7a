package nn

// This file compares gradients with differences of results.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// A trial is a model with inputs of its own making, for numeric gradients.
type trial struct {
	name   string
	inputs map[string]Init         // float inputs, by name; their shapes are in shapes
	shapes map[string]tensor.Shape // of all inputs
	index  map[string]int          // inputs that are indices: how many they choose from
	eval   bool                    // build the graph for evaluation
	model  build
}

// gradients checks the gradient of every input and parameter of the trials against central
// differences, in both dtypes, in three runs with other inputs each.
func gradients(t *testing.T, trials ...trial) {
	t.Helper()
	for _, tr := range trials {
		for short, dt := range dtypes {
			t.Run(fmt.Sprintf("%s/%s", tr.name, short), func(t *testing.T) { tr.check(t, dt) })
		}
	}
}

// steps are how far a number is moved for a difference, and how far the difference may be from the
// gradient, as a part of the largest gradient of its tensor.
var steps = map[tensor.Dtype]struct{ move, tolerance float64 }{
	tensor.Float32: {1.0 / 64, 2e-2},
	tensor.Float64: {1.0 / (1 << 17), 1e-6},
}

func (tr trial) check(t *testing.T, dt tensor.Dtype) {
	source := rand.NewPCG(3, 4) // of dropout: begun again for each run
	s, x := NewScopeOf(dt, Seeded(1)), NewScopeOf(dt, Seeded(2))
	forward := tr.model(s)
	g := newGraph(!tr.eval, source)
	in := map[string]*gorgonia.Node{}
	for key, shape := range tr.shapes {
		if tr.index[key] > 0 {
			in[key] = g.Input(key, tensor.Int, shape...)
		} else {
			in[key] = g.Node(x.Param("in."+key, or(tr.inputs[key], Normal(0, 1)), shape...))
		}
	}
	out := forward(g, in)
	require.NoError(t, s.Err())
	require.NoError(t, g.Err())
	weights := g.Node(x.Param("weights", Normal(0, 1), out.Shape()...))
	loss, err := op.Dot(g.tape, out, weights)
	require.NoError(t, err)
	learnables, err := g.Grad(loss)
	require.NoError(t, err)
	machine, err := g.Machine()
	require.NoError(t, err)

	var buffers []*Param
	for _, p := range s.params {
		if p.buffer {
			buffers = append(buffers, p)
		}
	}
	begin := make([][]byte, len(buffers))
	for i, p := range buffers {
		begin[i] = append([]byte(nil), p.value.Raw...)
	}
	run := func() float64 {
		for i, p := range buffers {
			copy(p.value.Raw, begin[i])
		}
		*source = *rand.NewPCG(3, 4)
		before := hashes(x, s)
		require.NoError(t, machine.Run())
		require.Equal(t, before, hashes(x, s), "inputs and parameters are changed")
		sum, a, b := 0.0, numbers(out.Value()), numbers(weights.Value())
		for i := range a {
			sum += a[i] * b[i]
		}
		return sum
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for range 3 {
		for key, n := range tr.index {
			for i, data := 0, in[key].Value().Data().([]int); i < len(data); i++ {
				data[i] = rng.IntN(n)
			}
		}
		for _, p := range x.Params() {
			draw(p, rng, tr.inputs[p.name[min(len(p.name), len("in.")):]])
		}
		run()
		grads := make([][]float64, len(learnables))
		for i, l := range learnables {
			v, err := l.Grad()
			require.NoError(t, err)
			require.Equal(t, []int(l.(*Learnable).Shape()), []int(v.Shape()), l.(*Learnable).name)
			grads[i] = append(grads[i], numbers(v)...)
		}
		for i, l := range learnables {
			compareDifferences(t, l.(*Learnable).Param, grads[i], run, rng)
		}
	}
}

// draw gives p other values.
func draw(p *Param, rng *rand.Rand, init Init) {
	values := make([]float64, p.Shape().TotalSize())
	or(init, Normal(0, 1))(rng, p.Shape(), values)
	p.floats(
		func(data []float32) {
			for i := range data {
				data[i] = float32(values[i])
			}
		},
		func(data []float64) { copy(data, values) },
	)
}

// compareDifferences moves some of p's numbers a little, one after the other.
func compareDifferences(t *testing.T, p *Param, grad []float64, run func() float64, rng *rand.Rand) {
	t.Helper()
	most := 1e-2
	for _, x := range grad {
		most = max(most, math.Abs(x))
	}
	step := steps[p.Dtype()]
	for range min(len(grad), 8) {
		i := rng.IntN(len(grad))
		move := func(by float64) float64 {
			var old float64
			p.floats(
				func(data []float32) { old, data[i] = float64(data[i]), data[i]+float32(by) },
				func(data []float64) { old, data[i] = data[i], data[i]+by },
			)
			result := run()
			p.floats(
				func(data []float32) { data[i] = float32(old) },
				func(data []float64) { data[i] = old },
			)
			return result
		}
		want := (move(step.move) - move(-step.move)) / (2 * step.move)
		require.InDeltaf(t, want, grad[i], step.tolerance*most, "gradient of %q at %d", p.name, i)
	}
}
