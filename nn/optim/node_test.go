package optim_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/optim"
)

// A network is plain Gorgonia: tanh(x*w)*v + s, with a matrix, a vector and a scalar.
type network struct {
	nodes  G.Nodes
	params []G.ValueGrad
	vm     G.VM
}

type bound int

const (
	unbound     bound = iota
	dual              // gradients add up over runs
	dualPartial       // of w only
)

// newNetwork makes the graph for a batch of n rows. Values are those of like, if it is not nil.
func newNetwork(t *testing.T, dt tensor.Dtype, n int, like *network, b bound) *network {
	t.Helper()
	g := G.NewGraph()
	value := func(i int, shape ...int) G.Value {
		if like != nil {
			return like.nodes[i].Value()
		}
		return numbers(dt, i, shape...)
	}
	w := G.NewMatrix(g, dt, G.WithName("w"), G.WithShape(3, 4), G.WithValue(value(0, 3, 4)))
	v := G.NewVector(g, dt, G.WithName("v"), G.WithShape(4), G.WithValue(value(1, 4)))
	s := G.NewScalar(g, dt, G.WithName("s"), G.WithValue(value(2)))
	x := G.NewMatrix(g, dt, G.WithName("x"), G.WithShape(n, 3), G.WithValue(numbers(dt, 3, n, 3)))
	y := G.Must(G.Add(G.Must(G.Mul(G.Must(G.Tanh(G.Must(G.Mul(x, w)))), v)), s))
	loss := G.Must(G.Mean(G.Must(G.Square(y))))
	net := &network{nodes: G.Nodes{w, v, s}}
	_, err := G.Grad(loss, net.nodes...)
	require.NoError(t, err)
	net.params = G.NodesToValueGrads(net.nodes)
	switch b {
	case unbound:
		net.vm = G.NewTapeMachine(g)
	case dual:
		net.vm = G.NewTapeMachine(g, G.BindDualValues(net.nodes...))
	case dualPartial:
		net.vm = G.NewTapeMachine(g, G.BindDualValues(w))
	}
	t.Cleanup(func() { require.NoError(t, net.vm.Close()) })
	return net
}

// numbers are a few different ones, as a tensor, or as a scalar without a shape.
func numbers(dt tensor.Dtype, seed int, shape ...int) G.Value {
	n := tensor.Shape(shape).TotalSize()
	wide := make([]float64, n)
	for i := range wide {
		wide[i] = float64((7*i+3*seed)%11)/8 - 0.5
	}
	if dt == tensor.Float64 {
		if len(shape) == 0 {
			return G.NewF64(wide[0])
		}
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(wide))
	}
	narrow := make([]float32, n)
	for i, x := range wide {
		narrow[i] = float32(x)
	}
	if len(shape) == 0 {
		return G.NewF32(narrow[0])
	}
	return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(narrow))
}

func (n *network) run(t *testing.T, s G.Solver, steps int) {
	t.Helper()
	for range steps {
		require.NoError(t, n.vm.RunAll())
		require.NoError(t, s.Step(n.params))
		n.vm.Reset()
	}
}

func (n *network) values() (all [][]float64) {
	for _, node := range n.nodes {
		all = append(all, floats(node.Value()))
	}
	return all
}

// Nodes of plain Gorgonia are trained the same whether the machine binds their gradients, which
// then add up over runs, or not, or those of some.
func TestNodes(t *testing.T) {
	for _, dt := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		t.Run(dt.String(), func(t *testing.T) {
			var results [][][]float64
			for _, b := range []bound{unbound, dual, dualPartial} {
				net := newNetwork(t, dt, 5, nil, b)
				before := net.values()
				s, err := optim.NewAdam(net.params, &optim.AdamOptions{LearningRate: 0.05})
				require.NoError(t, err)
				net.run(t, s, 6)
				results = append(results, net.values())
				for i, now := range net.values() {
					for j := range now {
						require.NotEqual(t, before[i][j], now[j], "all elements move")
					}
				}
			}
			require.Equal(t, results[0], results[1])
			require.Equal(t, results[0], results[2])
		})
	}
}

// A gradient that is the value of a node is left alone; one that adds up is zero afterwards.
func TestGradientsAreReadOnly(t *testing.T) {
	for _, b := range []bound{unbound, dual} {
		net := newNetwork(t, tensor.Float64, 5, nil, b)
		s, err := optim.NewSGD(net.params, nil)
		require.NoError(t, err)
		require.NoError(t, net.vm.RunAll())
		var want [][]float64
		for _, n := range net.nodes {
			g, err := n.Grad()
			require.NoError(t, err)
			want = append(want, floats(g))
			require.NotContains(t, want[len(want)-1], 0.0)
		}
		require.NoError(t, s.Step(net.params))
		for i, n := range net.nodes {
			g, err := n.Grad()
			require.NoError(t, err)
			if b == dual {
				require.Equal(t, make([]float64, len(want[i])), floats(g))
			} else {
				require.Equal(t, want[i], floats(g))
			}
			require.Equal(t, want[i], floats(n.Deriv().Value()), "the value of the node that computes it")
		}
	}
}

// A node that has a gradient without the node that computes it, as after gorgonia.WithGrad or a LispMachine,
// has memory of its own for it.
func TestNodeWithoutDeriv(t *testing.T) {
	n := G.NewVector(G.NewGraph(), tensor.Float64, G.WithName("w"), G.WithShape(2), G.WithValue(filled(2, 1)), G.WithGrad(filled(2, 3)))
	s, err := optim.NewSGD([]G.ValueGrad{n}, &optim.SGDOptions{LearningRate: 1})
	require.NoError(t, err)
	require.NoError(t, s.Step([]G.ValueGrad{n}))
	g, err := n.Grad()
	require.NoError(t, err)
	require.Equal(t, []float64{-2, -2}, floats(n.Value()))
	require.Equal(t, []float64{0, 0}, floats(g))
}

// Gradients that add up over runs do so within an accumulator as little as within a solver.
func TestNodesAccumulated(t *testing.T) {
	var results [][][]float64
	for _, b := range []bound{unbound, dual} {
		net := newNetwork(t, tensor.Float32, 5, nil, b)
		s, err := optim.NewSGD(net.params, &optim.SGDOptions{LearningRate: 0.1})
		require.NoError(t, err)
		a, err := optim.NewAccumulator(s, 2)
		require.NoError(t, err)
		net.run(t, a, 6)
		require.Equal(t, int64(3), s.Steps())
		results = append(results, net.values())
	}
	require.Equal(t, results[0], results[1])

	// The batch is the same at each run, so the mean of two gradients is one of them.
	net := newNetwork(t, tensor.Float32, 5, nil, unbound)
	s, err := optim.NewSGD(net.params, &optim.SGDOptions{LearningRate: 0.1})
	require.NoError(t, err)
	net.run(t, s, 3)
	require.Equal(t, net.values(), results[0])
}

// Two graphs that share values, here for two sizes of batch, share one solver, whatever the order of
// its parameters.
func TestAnotherGraph(t *testing.T) {
	large := newNetwork(t, tensor.Float64, 8, nil, unbound)
	small := newNetwork(t, tensor.Float64, 3, large, unbound)
	slices.Reverse(small.params)
	s, err := optim.NewAdamW(large.params, &optim.AdamWOptions{LearningRate: 0.1})
	require.NoError(t, err)
	large.run(t, s, 2)
	small.run(t, s, 1)
	large.run(t, s, 1)
	require.Equal(t, int64(4), s.Steps())
	require.Equal(t, large.values(), small.values())

	alone := newNetwork(t, tensor.Float64, 8, nil, unbound)
	s, err = optim.NewAdamW(alone.params, &optim.AdamWOptions{LearningRate: 0.1})
	require.NoError(t, err)
	alone.run(t, s, 4)
	require.NotEqual(t, alone.values(), large.values())
}

// A value that has been replaced is not the one that the solver knows.
func TestReplacedValue(t *testing.T) {
	net := newNetwork(t, tensor.Float64, 5, nil, unbound)
	s, err := optim.NewSGD(net.params, nil)
	require.NoError(t, err)
	ema, err := optim.NewEMA(net.params, 0.9)
	require.NoError(t, err)
	require.ErrorContains(t, s.Step(net.params), `parameter "w": gradient: none yet`)
	require.NoError(t, G.Let(net.nodes[0], net.nodes[0].Value().(*tensor.Dense).Clone()))
	require.NoError(t, net.vm.RunAll())
	require.ErrorContains(t, s.Step(net.params), `parameter "w": its value is in another memory`)
	require.ErrorContains(t, ema.Update(), `parameter "w": its value is in another memory`)
	require.ErrorContains(t, ema.Swap(), `parameter "w": its value is in another memory`)
}
