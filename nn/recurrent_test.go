package nn

import (
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// recurrentKinds are constructors that give a layer, and a function of all that it gives.
var recurrentKinds = map[string]func(s *Scope, in, hidden int, o *RecurrentOptions) (Layer, allOf){
	"lstm": func(s *Scope, in, hidden int, o *RecurrentOptions) (Layer, allOf) {
		l := NewLSTM(s, in, hidden, o)
		return l, func(g *Graph, x *gorgonia.Node, begin gorgonia.Nodes) gorgonia.Nodes {
			y, end := l.ForwardFrom(g, x, LSTMState{begin[0], begin[1]})
			return gorgonia.Nodes{y, end.Hidden, end.Cell}
		}
	},
	"gru": func(s *Scope, in, hidden int, o *RecurrentOptions) (Layer, allOf) {
		l := NewGRU(s, in, hidden, o)
		return l, func(g *Graph, x *gorgonia.Node, begin gorgonia.Nodes) gorgonia.Nodes {
			y, end := l.ForwardFrom(g, x, begin[0])
			return gorgonia.Nodes{y, end}
		}
	},
	"rnn": func(s *Scope, in, hidden int, o *RecurrentOptions) (Layer, allOf) {
		l := NewRNN(s, in, hidden, o)
		return l, func(g *Graph, x *gorgonia.Node, begin gorgonia.Nodes) gorgonia.Nodes {
			y, end := l.ForwardFrom(g, x, begin[0])
			return gorgonia.Nodes{y, end}
		}
	},
}

// allOf adds the sequence and the final states. begin is the state, and the cell of an LSTM; each may
// be nil.
type allOf func(g *Graph, x *gorgonia.Node, begin gorgonia.Nodes) gorgonia.Nodes

// oneVector is all numbers of some tensors, one after the other.
func oneVector(g *Graph, nodes gorgonia.Nodes) *gorgonia.Node {
	var flat gorgonia.Nodes
	for _, n := range nodes {
		flat = append(flat, Reshape(g, n, -1))
	}
	return g.apply("", func() (*gorgonia.Node, error) { return gorgonia.Concat(0, flat...) })
}

func withStates(kind string, in, hidden int, o *RecurrentOptions) build {
	return func(s *Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		_, all := recurrentKinds[kind](s, in, hidden, o)
		return func(g *Graph, nodes map[string]*gorgonia.Node) *gorgonia.Node {
			return oneVector(g, all(g, nodes["x"], gorgonia.Nodes{nodes["h"], nodes["c"]}))
		}
	}
}

func TestRecurrentLayersArePyTorchs(t *testing.T) {
	for kind, make := range recurrentKinds {
		sequence := func(in, hidden int, o *RecurrentOptions) build {
			return layer(func(s *Scope) Layer {
				l, _ := make(s, in, hidden, o)
				return l
			})
		}
		parity(t, "recurrent", kind+"_one", true, sequence(3, 1, nil))
		parity(t, "recurrent", kind+"_wide", true, sequence(2, 3, nil))
		parity(t, "recurrent", kind+"_no_bias", true, sequence(3, 5, &RecurrentOptions{NoBias: true}))
		parity(t, "recurrent", kind+"_both", true, sequence(3, 4, &RecurrentOptions{Bidirectional: true}))
		parity(t, "recurrent", kind+"_deep", true, sequence(3, 4, &RecurrentOptions{Layers: 3}))
		parity(t, "recurrent", kind+"_states", true, withStates(kind, 4, 6, nil))
		parity(t, "recurrent", kind+"_deep_both_states", true, withStates(kind, 5, 3, &RecurrentOptions{Layers: 2, Bidirectional: true}))
	}
}

func TestRecurrentGradients(t *testing.T) {
	for kind := range recurrentKinds {
		states := func(layers, batch, hidden int, x ...int) map[string]tensor.Shape {
			shapes := map[string]tensor.Shape{"x": x, "h": {layers, batch, hidden}}
			if kind == "lstm" {
				shapes["c"] = tensor.Shape{layers, batch, hidden}
			}
			return shapes
		}
		gradients(t,
			trial{name: kind + " one", shapes: map[string]tensor.Shape{"x": {1, 1, 1}}, model: withStates(kind, 1, 1, nil)},
			trial{name: kind + " states", shapes: states(1, 1, 3, 1, 4, 2), model: withStates(kind, 2, 3, nil)},
			trial{name: kind + " blocks", shapes: states(1, 17, 2, 17, 3, 2), model: withStates(kind, 2, 2, &RecurrentOptions{NoBias: true})},
			trial{name: kind + " deep", shapes: states(4, 2, 3, 2, 3, 2), model: withStates(kind, 2, 3, &RecurrentOptions{Layers: 2, Bidirectional: true, Dropout: 0.4})},
		)
	}
}

// TestRecurrentPiecesAreTheWhole: two runs, of which the second begins as the first ended, give
// what one run gives, and the same gradients.
func TestRecurrentPiecesAreTheWhole(t *testing.T) {
	for kind, make := range recurrentKinds {
		s, x := NewScopeOf(tensor.Float64, Seeded(1)), NewScopeOf(tensor.Float64, Seeded(2))
		_, all := make(s, 3, 4, &RecurrentOptions{Layers: 2})
		pieces := []*Param{x.Param("a", Normal(0, 1), 2, 3, 3), x.Param("b", Normal(0, 1), 2, 2, 3)}
		weights := x.Param("weights", Normal(0, 1), 2, 5, 4)
		run := func(g *Graph, y *gorgonia.Node) (results [][]float64) {
			loss, err := op.Dot(g.tape, y, g.Node(weights))
			require.NoError(t, err)
			learnables, err := g.Grad(loss)
			require.NoError(t, err)
			m, err := g.Machine()
			require.NoError(t, err)
			require.NoError(t, m.Run())
			results = append(results, numbers(y.Value()))
			byName := map[string][]float64{}
			for _, l := range learnables {
				v, err := l.Grad()
				require.NoError(t, err)
				byName[l.(*Learnable).name] = numbers(v)
			}
			for _, p := range s.Params() {
				results = append(results, byName[p.name])
			}
			return append(results, byName["a"], byName["b"])
		}
		concat := func(a, b *gorgonia.Node) *gorgonia.Node { return gorgonia.Must(gorgonia.Concat(1, a, b)) }

		g := TrainGraph(nil)
		whole := run(g, all(g, concat(g.Node(pieces[0]), g.Node(pieces[1])), gorgonia.Nodes{nil, nil})[0])
		g = TrainGraph(nil)
		first := all(g, g.Node(pieces[0]), gorgonia.Nodes{nil, nil})
		second := all(g, g.Node(pieces[1]), append(first[1:], nil))
		split := run(g, concat(first[0], second[0]))
		for i := range whole {
			requireClose(t, whole[i], split[i], 1e-12, kind)
		}
	}
}

// TestRecurrentBitsDoNotDependOnCores compares results and gradients of one core and of more.
func TestRecurrentBitsDoNotDependOnCores(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for kind, make := range recurrentKinds {
		s, x := NewScope(1), NewScope(2)
		l, _ := make(s, 20, 33, &RecurrentOptions{Bidirectional: true})
		g := TrainGraph(nil)
		y := l.Forward(g, g.Node(x.Param("x", Normal(0, 1), 50, 7, 20)))
		loss, err := op.Dot(g.tape, y, y)
		require.NoError(t, err)
		learnables, err := g.Grad(loss)
		require.NoError(t, err)
		m, err := g.Machine()
		require.NoError(t, err)
		var before [][]float64
		for _, cores := range []int{1, 3} {
			runtime.GOMAXPROCS(cores)
			require.NoError(t, m.Run())
			now := [][]float64{numbers(y.Value())}
			for _, l := range learnables {
				v, err := l.Grad()
				require.NoError(t, err)
				now = append(now, numbers(v))
			}
			if before != nil {
				require.Equal(t, before, now, kind)
			}
			before = now
		}
	}
}

// TestRecurrentDropoutIsBetweenLayers: it is in training, and not of what the last layer gives.
func TestRecurrentDropoutIsBetweenLayers(t *testing.T) {
	for kind, make := range recurrentKinds {
		run := func(g *Graph, layers int, dropout float64) []float64 {
			s, x := NewScope(1), NewScope(2)
			l, _ := make(s, 3, 40, &RecurrentOptions{Layers: layers, Dropout: dropout})
			y := l.Forward(g, g.Node(x.Param("x", Normal(0, 1), 2, 3, 3)))
			m, err := g.Machine()
			require.NoError(t, err)
			require.NoError(t, m.Run())
			return numbers(y.Value())
		}
		train := func() *Graph { return TrainGraph(rand.NewPCG(1, 2)) }
		require.Equal(t, run(train(), 1, 0), run(train(), 1, 0.5), "%s of one layer", kind)
		require.Equal(t, run(EvalGraph(), 2, 0), run(EvalGraph(), 2, 0.5), "%s in evaluation", kind)
		require.NotEqual(t, run(train(), 2, 0), run(train(), 2, 0.5), "%s of two layers", kind)
		require.NotContains(t, run(train(), 2, 0.5), 0.0, "the last layer of %s", kind)
	}
}

func TestRecurrentFirstValues(t *testing.T) {
	for kind, make := range recurrentKinds {
		s := NewScope(1)
		make(s.Sub("rnn"), 30, 16, &RecurrentOptions{Layers: 2})
		require.NoError(t, s.Err())
		require.Len(t, s.Params(), 8)
		for _, p := range s.Params() {
			most := 0.0
			for _, x := range numbers(p.value) {
				most = math.Max(most, math.Abs(x))
			}
			require.InDelta(t, 0.25, most, 0.05, "%s %s", kind, p.name)
			require.Less(t, most, 0.25, "%s %s", kind, p.name)
		}
	}
}

func TestRecurrentErrors(t *testing.T) {
	shapes := map[string]struct {
		x, h tensor.Shape
		want string
	}{
		"matrix":          {tensor.Shape{2, 3}, nil, `rnn: x is (2, 3), want (batch, time, width)`},
		"width":           {tensor.Shape{2, 5, 4}, nil, `rnn: x is (2, 5, 4), and rnn.weight_ih_l0 is`},
		"state":           {tensor.Shape{2, 5, 3}, tensor.Shape{2, 4, 6}, `rnn: x is (2, 5, 3), and `},
		"number of state": {tensor.Shape{2, 5, 3}, tensor.Shape{1, 2, 6}, `rnn: initial state: it is (1, 2, 6), want (2, batch, hidden)`},
	}
	for kind, make := range recurrentKinds {
		for name, c := range shapes {
			s := NewScope(1)
			_, all := make(s.Sub("rnn"), 3, 6, &RecurrentOptions{Bidirectional: true})
			g := EvalGraph()
			x := g.Input("x", tensor.Float32, c.x...)
			var h *gorgonia.Node
			if c.h != nil {
				h = g.Input("h", tensor.Float32, c.h...)
			}
			all(g, x, gorgonia.Nodes{h, nil})
			require.ErrorContains(t, g.Err(), c.want, "%s %s", kind, name)
		}
		s := NewScope(1)
		make(s.Sub("rnn"), 3, 6, &RecurrentOptions{Layers: -1})
		require.ErrorContains(t, s.Err(), "-1 layers")
		s = NewScope(1)
		make(s.Sub("rnn"), 3, 0, nil)
		require.ErrorContains(t, s.Err(), "rnn.weight_ih_l0")
	}
}
