package checkpoint

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Two names that give 2x2 float32 variables the same hash. Among 440,000 names of
// such kinds there were 26 pairs, which is about what n²/2³³ promises.
const (
	collidingA = "model.layers.1320.mlp.gate.weight"
	collidingB = "model.layers.1344.mlp.up.scale"
)

func square(g *gorgonia.ExprGraph, name string, x ...float32) *gorgonia.Node {
	return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(name),
		gorgonia.WithValue(tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(x))))
}

func TestCheckGraphFindsHashCollisions(t *testing.T) {
	g := gorgonia.NewGraph()
	a := square(g, collidingA, 1, 1, 1, 1)
	b := square(g, collidingB, 20, 20, 20, 20)
	require.NotSame(t, a, b)
	require.Equal(t, a.Hashcode(), b.Hashcode(), "the pair must be found anew for this version of Gorgonia")

	var e *GraphError
	require.ErrorAs(t, CheckGraph(g), &e)
	require.Equal(t, [][]string{{collidingA, collidingB}}, e.Collisions)
	require.Empty(t, e.Names)
	require.ErrorContains(t, e, collidingA)
	require.ErrorContains(t, e, collidingB)

	// And this is what it keeps people from: 1+20 is not 2 or 40.
	sum := gorgonia.Must(gorgonia.Add(a, b))
	machine := gorgonia.NewTapeMachine(g)
	defer machine.Close()
	require.NoError(t, machine.RunAll())
	require.NotEqual(t, []float32{21, 21, 21, 21}, sum.Value().Data(), "Gorgonia no longer needs this check")
}

func TestCheckGraphFindsSharedNames(t *testing.T) {
	g := gorgonia.NewGraph()
	gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName("w"))
	gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(3, 2), gorgonia.WithName("w"))
	gorgonia.NewMatrix(g, gorgonia.Float64, gorgonia.WithShape(3, 2), gorgonia.WithName("w"))
	gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(3), gorgonia.WithName("b"))
	gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(4), gorgonia.WithName("b"))
	namedVector(g, "fine")
	gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(5)) // inputs need no name
	gorgonia.NewVector(g, gorgonia.Float32, gorgonia.WithShape(6))

	var e *GraphError
	require.ErrorAs(t, CheckGraph(g), &e)
	require.Equal(t, []string{"b", "w"}, e.Names)
	require.Empty(t, e.Collisions)
	require.EqualError(t, e, `checkpoint: graph with 2 fault(s), give other names: `+
		`several variables are named "b"; several variables are named "w"`)
}

// The second of two equal variables is never made, so there is nothing to report.
func TestCheckGraphCannotSeeMergedVariables(t *testing.T) {
	g := gorgonia.NewGraph()
	require.Same(t, namedVector(g, "w"), namedVector(g, "w"))
	require.NoError(t, CheckGraph(g))
}

func TestCheckGraphIsContentWithRealGraphs(t *testing.T) {
	require.NoError(t, CheckGraph(gorgonia.NewGraph()))
	require.NoError(t, CheckGraph(newConvNorm(t).g))
	require.NoError(t, CheckGraph(perceptron(t, 30)))
	require.Error(t, CheckGraph(nil))
}

// perceptron is a training graph of some depth, with softmax, constants, slices and
// gradients: about a thousand nodes.
func perceptron(t *testing.T, layers int) *gorgonia.ExprGraph {
	g := gorgonia.NewGraph()
	h := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(4, 8), gorgonia.WithName("x"))
	var ws gorgonia.Nodes
	for i := range layers {
		w := gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(8, 8), gorgonia.WithInit(gorgonia.GlorotN(1)),
			gorgonia.WithName(string(rune('a'+i%26))+string(rune('a'+i/26))))
		ws = append(ws, w)
		z := gorgonia.Must(gorgonia.Mul(h, w))
		gate := gorgonia.Must(gorgonia.SoftMax(z))
		h = gorgonia.Must(gorgonia.Add(h, gorgonia.Must(gorgonia.HadamardProd(gate, gorgonia.Must(gorgonia.Tanh(z))))))
	}
	first := gorgonia.Must(gorgonia.Slice(h, nil, gorgonia.S(0, 4)))
	rest := gorgonia.Must(gorgonia.Slice(h, nil, gorgonia.S(4, 8)))
	half := gorgonia.NewConstant(float32(0.5))
	cost := gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(
		gorgonia.Must(gorgonia.Sub(gorgonia.Must(gorgonia.Mul(first, half)), rest))))))
	_, err := gorgonia.Grad(cost, ws...)
	require.NoError(t, err)
	return g
}

func TestUnnamed(t *testing.T) {
	g := gorgonia.NewGraph()
	bare := gorgonia.NewScalar(g, gorgonia.Float32)
	named := gorgonia.NewScalar(g, gorgonia.Float32, gorgonia.WithName("x"))
	sum := gorgonia.Must(gorgonia.Add(bare, named))
	require.True(t, unnamed(nil))
	require.True(t, unnamed(bare))
	require.True(t, unnamed(sum))
	require.False(t, unnamed(named))

	gorgonia.WithName("loss")(sum)
	require.False(t, unnamed(sum))
}
