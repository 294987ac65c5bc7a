package nn

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/nn/internal/op"
)

// count counts nodes whose op begins with a name.
func count(g *Graph, name string) (n int) {
	for _, node := range g.graph.AllNodes() {
		if node.Op() != nil && strings.HasPrefix(node.Op().String(), name) {
			n++
		}
	}
	return n
}

// total is the sum of x.
func total(t *testing.T, g *Graph, x *gorgonia.Node) *gorgonia.Node {
	t.Helper()
	ones := g.Input("ones of "+x.Name(), x.Dtype(), x.Shape()...)
	require.NoError(t, ones.Value().(*tensor.Dense).Memset(float64(1)))
	sum, err := op.Dot(g.tape, x, ones)
	require.NoError(t, err)
	return sum
}

// differentiate adds the gradients of the sum of y, runs the graph once, and returns the gradients by name.
func differentiate(t *testing.T, g *Graph, y *gorgonia.Node) map[string][]float64 {
	t.Helper()
	learnables, err := g.Grad(total(t, g, y))
	require.NoError(t, err)
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	all := map[string][]float64{}
	for _, l := range learnables {
		v, err := l.Grad()
		require.NoError(t, err)
		all[l.(*Learnable).Name()] = numbers(v)
	}
	require.Len(t, all, len(learnables))
	return all
}

func float64Scope() *Scope { return NewScopeOf(tensor.Float64, Seeded(1)) }

// TestTheFirstErrorOfAGraph: it is kept, it names the layer, it comes out of everything, and nothing is
// added after it.
func TestTheFirstErrorOfAGraph(t *testing.T) {
	s := NewScope(1)
	fc, next := NewLinear(s.Sub("body.fc"), 3, 4, nil), NewLinear(s.Sub("body.next"), 4, 4, nil)
	g := EvalGraph()
	x := g.Input("x", tensor.Float32, 2, 5)
	y := fc.Forward(g, x)
	const want = "nn: body.fc: x is (2, 5), and the layer takes (..., 3)"
	require.EqualError(t, g.Err(), want)
	nodes := len(g.graph.AllNodes())
	y = Softmax(g, ReLU(g, Add(g, next.Forward(g, y), y)))
	require.NotNil(t, y)
	require.Len(t, g.graph.AllNodes(), nodes, "nothing is added")
	g.Fail(errors.New("another"))
	require.EqualError(t, g.Err(), want)
	_, err := g.Grad(y)
	require.EqualError(t, err, want)
	_, err = g.Machine()
	require.EqualError(t, err, want)
}

func TestErrorsFromOutside(t *testing.T) {
	own := errors.New("own layer: no")
	g := EvalGraph()
	require.NotNil(t, g.Fail(own))
	require.ErrorIs(t, g.Err(), own)
	require.EqualError(t, g.Err(), "nn: own layer: no")
}

func TestInputs(t *testing.T) {
	s := NewScope(1)
	w := s.Param("w", Ones, 2)
	for want, build := range map[string]func(g *Graph){
		`nn: input "x": the name is used twice`: func(g *Graph) {
			g.Input("x", tensor.Float32, 2)
			g.Input("x", tensor.Float32, 3)
		},
		`nn: input "w": the name is used twice`: func(g *Graph) {
			g.Node(w)
			g.Input("w", tensor.Float32, 2)
		},
		`nn: input "x" has shape [2 0]: every dimension must be above 0`: func(g *Graph) { g.Input("x", tensor.Float32, 2, 0) },
	} {
		g := EvalGraph()
		build(g)
		require.EqualError(t, g.Err(), want)
	}

	g := EvalGraph()
	x, scalar := g.Input("x", tensor.Float64, 2, 3), g.Input("scalar", tensor.Float64)
	require.NoError(t, g.Err())
	require.Equal(t, make([]float64, 6), numbers(x.Value()), "it begins with zeros")
	require.Equal(t, tensor.Shape{2, 3}, x.Shape())
	require.True(t, scalar.IsScalar())
	y := Scale(g, x, 2)
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	copy(x.Value().Data().([]float64), []float64{1, 2, 3, 4, 5, 6})
	require.NoError(t, m.Run())
	require.Equal(t, []float64{2, 4, 6, 8, 10, 12}, numbers(y.Value()), "overwritten in place")
	other := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float64{6, 5, 4, 3, 2, 1}))
	require.NoError(t, gorgonia.Let(x, other))
	require.NoError(t, m.Run())
	require.Equal(t, []float64{12, 10, 8, 6, 4, 2}, numbers(y.Value()), "bound anew")
	require.False(t, g.tape.Needs(x), "no gradient of data")
}

// TestNamesThatMeet: parameters of one name and shape, of several models, and an input so named, are
// tensors of their own.
func TestNamesThatMeet(t *testing.T) {
	g := TrainGraph(nil)
	x := g.Input("w'", tensor.Float64, 2)
	copy(x.Value().Data().([]float64), []float64{1000, 1000})
	sum := x
	var nodes []*gorgonia.Node
	for i := range 3 {
		w := float64Scope().Param("w", Constant(float64(i+1)), 2)
		nodes = append(nodes, g.Node(w))
		require.Same(t, nodes[i], g.Node(w), "one parameter is one node")
		sum = Add(g, sum, Scale(g, g.Node(w), 10))
	}
	require.NoError(t, g.Err())
	learnables, err := g.Grad(total(t, g, sum))
	require.NoError(t, err)
	require.Len(t, learnables, 3)
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	require.Equal(t, []float64{1060, 1060}, numbers(sum.Value()))
	for i, l := range learnables {
		require.Equal(t, []float64{float64(i + 1), float64(i + 1)}, numbers(l.Value()), "the order in which they were lent")
		require.Equal(t, "w", l.(*Learnable).Name())
	}
}

// TestFrozenParametersHaveNoGradient, nor has anything that only they need; buffers neither.
func TestFrozenParametersHaveNoGradient(t *testing.T) {
	s := float64Scope()
	first, second := NewLinear(s.Sub("first"), 3, 4, nil), NewLinear(s.Sub("second"), 4, 2, nil)
	shift := s.Buffer("shift", Ones, 5, 2)
	build := func() (*Graph, *gorgonia.Node) {
		g := TrainGraph(nil)
		y := second.Forward(g, Tanh(g, first.Forward(g, g.Input("x", tensor.Float64, 5, 3))))
		return g, Add(g, y, g.Node(shift))
	}
	g, y := build()
	require.Len(t, differentiate(t, g, y), 4)
	require.Equal(t, []int{5, 1}, []int{count(g, "linear_grad"), count(g, "tanh_grad")})

	s.Sub("first").Freeze()
	g, y = build()
	grads := differentiate(t, g, y)
	require.Len(t, grads, 2)
	require.Contains(t, grads, "second.weight")
	require.Contains(t, grads, "second.bias")
	require.Equal(t, []int{2, 0}, []int{count(g, "linear_grad"), count(g, "tanh_grad")})

	s.Freeze()
	g, y = build()
	_, err := g.Grad(total(t, g, y))
	require.EqualError(t, err, "nn: no parameter to be trained has been lent to the graph")
}

// TestFreezingIsForLaterGraphs: a graph is what it was when it was built, and unfreezing likewise.
func TestFreezingIsForLaterGraphs(t *testing.T) {
	s := float64Scope()
	w := s.Param("w", Ones, 2)
	g := TrainGraph(nil)
	y := Scale(g, g.Node(w), 3)
	learnables, err := g.Grad(total(t, g, y))
	require.NoError(t, err)
	w.Freeze()
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	v, err := learnables[0].Grad()
	require.NoError(t, err)
	require.Equal(t, []float64{3, 3}, numbers(v))

	g = TrainGraph(nil)
	y = Scale(g, g.Node(w), 3)
	w.Unfreeze()
	_, err = g.Grad(total(t, g, y))
	require.EqualError(t, err, "nn: no parameter to be trained has been lent to the graph", "it was frozen when it was lent")
}

func TestAGradientBeforeARun(t *testing.T) {
	g := TrainGraph(nil)
	y := Scale(g, g.Node(float64Scope().Param("w", Ones, 2)), 3)
	learnables, err := g.Grad(total(t, g, y))
	require.NoError(t, err)
	_, err = learnables[0].Grad()
	require.EqualError(t, err, `nn: gradient of "w": the graph has not run`)
}

func TestGradientsOfWhatIsNoScalar(t *testing.T) {
	g := TrainGraph(nil)
	y := Scale(g, g.Node(float64Scope().Param("w", Ones, 2)), 3)
	_, err := g.Grad(y)
	require.ErrorContains(t, err, "nn: gradients of ")
}

// TestATiesGradientIsTheSum of those of both places.
func TestATiesGradientIsTheSum(t *testing.T) {
	s := float64Scope()
	w := s.Param("w", Constant(2), 2)
	s.Tie("again", w)
	again, _ := s.Named("again")
	g := TrainGraph(nil)
	grads := differentiate(t, g, Mul(g, g.Node(w), g.Node(again)))
	require.Equal(t, map[string][]float64{"w": {4, 4}}, grads)
}

// TestGraphsShareValues: what is trained in one graph is seen in others, of other batch sizes, built before
// and after, and by the state dict.
func TestGraphsShareValues(t *testing.T) {
	s := NewScope(1)
	fc := NewLinear(s.Sub("fc"), 2, 1, nil)
	evaluate := func() func() float64 {
		g := EvalGraph()
		x := g.Input("x", tensor.Float32, 1, 2)
		copy(x.Value().Data().([]float32), []float32{1, 1})
		y := fc.Forward(g, x)
		m, err := g.Machine()
		require.NoError(t, err)
		return func() float64 {
			require.NoError(t, m.Run())
			return numbers(y.Value())[0]
		}
	}
	plain := func() float64 {
		w, b := numbers(fc.Weight.Value()), numbers(fc.Bias.Value())
		return w[0] + w[1] + b[0]
	}
	early := evaluate()
	before := early()
	require.InDelta(t, plain(), before, 1e-6)

	g := TrainGraph(nil)
	x := g.Input("x", tensor.Float32, 4, 2)
	require.NoError(t, x.Value().(*tensor.Dense).Memset(float32(1)))
	learnables, err := g.Grad(gorgonia.Must(gorgonia.Mean(fc.Forward(g, x))))
	require.NoError(t, err)
	m, err := g.Machine()
	require.NoError(t, err)
	address := fc.Weight.Dense().Uintptr()
	solver := gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.5))
	for range 3 {
		require.NoError(t, m.Run())
		require.NoError(t, solver.Step(learnables))
	}
	require.InDelta(t, before-3*0.5*3, plain(), 1e-5, "each step moves three numbers by 0.5")
	require.Equal(t, address, fc.Weight.Dense().Uintptr(), "values stay in one place")
	require.InDelta(t, plain(), early(), 1e-6)
	require.InDelta(t, plain(), evaluate()(), 1e-6)
	for name, v := range s.StateDict() {
		p, _ := s.Named(name)
		require.Same(t, p.Dense(), v.Value())
	}
}

// TestValuesOutliveTheRun: ops of Gorgonia's that follow write over no value of a layer, nor over a
// parameter.
func TestValuesOutliveTheRun(t *testing.T) {
	s := float64Scope()
	w := s.Param("w", Constant(2), 2, 3)
	g := TrainGraph(nil)
	h, u := Scale(g, g.Node(w), 10), Scale(g, g.Node(w), 100)
	sum := gorgonia.Must(gorgonia.Add(h, u))
	flat := gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Reshape(g.Node(w), tensor.Shape{6})), gorgonia.Must(gorgonia.Reshape(sum, tensor.Shape{6}))))
	grads := differentiate(t, g, flat)
	all := func(x float64) []float64 { return []float64{x, x, x, x, x, x} }
	require.Equal(t, all(2), numbers(w.Value()))
	require.Equal(t, all(20), numbers(h.Value()))
	require.Equal(t, all(200), numbers(u.Value()))
	require.Equal(t, all(222), numbers(flat.Value()))
	require.Equal(t, all(111), grads["w"])
}

func TestDropoutIsForTraining(t *testing.T) {
	run := func(g *Graph) []float64 {
		x := g.Input("x", tensor.Float64, 100)
		require.NoError(t, x.Value().(*tensor.Dense).Memset(1.0))
		y := Dropout(0.5).Forward(g, x)
		if g.Training() {
			y = Add(g, y, Dropout(0.5).Forward(g, x))
		} else {
			require.Same(t, x, y, "in evaluation it is nothing at all")
			return nil
		}
		require.NoError(t, g.Err())
		m, err := g.Machine()
		require.NoError(t, err)
		require.NoError(t, m.Run())
		return append([]float64(nil), numbers(y.Value())...)
	}
	run(EvalGraph())
	first := run(TrainGraph(rand.NewPCG(1, 2)))
	require.Equal(t, first, run(TrainGraph(rand.NewPCG(1, 2))), "it follows from the source")
	require.NotEqual(t, first, run(TrainGraph(rand.NewPCG(1, 3))))
	seen := map[float64]bool{}
	for _, x := range first {
		seen[x] = true
	}
	require.Equal(t, map[float64]bool{0: true, 2: true, 4: true}, seen, "two places drop for themselves")

	g := TrainGraph(nil)
	Dropout(0.5).Forward(g, g.Input("x", tensor.Float64, 2))
	require.ErrorContains(t, g.Err(), "the graph has no random source")
	g = TrainGraph(rand.NewPCG(1, 2))
	Dropout(1.5).Forward(g, g.Input("x", tensor.Float64, 2))
	require.ErrorContains(t, g.Err(), "1.5")
}

// TestMachineRefuses what Gorgonia would compute wrongly, or die of.
func TestMachineRefuses(t *testing.T) {
	_, err := EvalGraph().Machine()
	require.ErrorContains(t, err, "nn: compiling the graph: ")

	// These two names have one hash of 32 bits. Gorgonia would give both leaves one value.
	g := EvalGraph()
	a, b := g.Input("w149599", tensor.Float32, 2), g.Input("w312382", tensor.Float32, 2)
	require.Equal(t, a.Hashcode(), b.Hashcode())
	Add(g, a, b)
	require.NoError(t, g.Err())
	_, err = g.Machine()
	require.ErrorContains(t, err, "have one hash, by chance")
}

func TestAFailedRunIsAnError(t *testing.T) {
	g := EvalGraph()
	x := g.Input("x", tensor.Float64, 2, 3)
	y := Scale(g, x, 2)
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	require.NoError(t, x.Value().(*tensor.Dense).Reshape(3, 2))
	err = m.Run()
	require.ErrorContains(t, err, "nn: ")
	require.ErrorContains(t, err, "input 0 has shape (3, 2) at run time")
	require.NoError(t, x.Value().(*tensor.Dense).Reshape(2, 3))
	copy(x.Value().Data().([]float64), []float64{1, 2, 3, 4, 5, 6})
	require.NoError(t, m.Run(), "a machine goes on after a run that failed")
	require.Equal(t, []float64{2, 4, 6, 8, 10, 12}, numbers(y.Value()))
}

func TestSequential(t *testing.T) {
	s := NewScopeOf(tensor.Float64, Seeded(1))
	double := Func(func(g *Graph, x *gorgonia.Node) *gorgonia.Node { return Scale(g, x, 2) })
	net := Sequential{double, ReLU, Dropout(0), double}
	g := EvalGraph()
	x := s.Param("x", Uniform(-1, 1), 6)
	y := net.Forward(g, g.Node(x))
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	for i, v := range numbers(x.Value()) {
		require.Equal(t, 4*max(0, v), numbers(y.Value())[i])
	}
}

// The gradient of a sum is that of its operands too, and of a parameter it must stay what it is
// while Gorgonia adds others to it for a node beside.
func TestAGradientThatTwoHaveIsNotAddedTo(t *testing.T) {
	s := NewScopeOf(tensor.Float64, Seeded(1))
	p, q := s.Param("p", Normal(0, 1), 2, 3), s.Param("q", Normal(0, 1), 2, 3)
	for _, swapped := range []bool{false, true} {
		g := TrainGraph(nil)
		w, v := g.Input("w", tensor.Float64, 2, 3), g.Input("v", tensor.Float64, 2, 3)
		for i := range 6 {
			w.Value().Data().([]float64)[i] = float64(i + 1)
			v.Value().Data().([]float64)[i] = 10
		}
		x := Scale(g, g.Node(p), 1)
		sum := Add(g, x, g.Node(q))
		if swapped {
			sum = Add(g, g.Node(q), x)
		}
		loss := gorgonia.Must(gorgonia.Add(must(op.Dot(g.tape, sum, w)), must(op.Dot(g.tape, x, v))))
		learnables, err := g.Grad(loss)
		require.NoError(t, err)
		m, err := g.Machine()
		require.NoError(t, err)
		for range 2 {
			require.NoError(t, m.Run())
			for _, l := range learnables {
				grad, err := l.Grad()
				require.NoError(t, err)
				want := []float64{1, 2, 3, 4, 5, 6}
				if l.(*Learnable).Name() == "p" {
					want = []float64{11, 12, 13, 14, 15, 16}
				}
				require.Equal(t, want, numbers(grad), l.(*Learnable).Name())
			}
		}
	}
}

func must(n *gorgonia.Node, err error) *gorgonia.Node {
	if err != nil {
		panic(err)
	}
	return n
}
