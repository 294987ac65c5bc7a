package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestEmbeddingIsPyTorchs(t *testing.T) {
	table := func(vocabulary, width int, o *EmbeddingOptions) build {
		return layer(func(s *Scope) *Embedding { return NewEmbedding(s, vocabulary, width, o) })
	}
	parity(t, "embedding", "matrix", true, table(11, 6, nil))
	parity(t, "embedding", "vector", true, table(3, 33, nil))
	parity(t, "embedding", "one", true, table(5, 1, nil))
	parity(t, "embedding", "padding", true, table(5, 7, &EmbeddingOptions{PaddingIndex: new(2)}))
	parity(t, "embedding", "padding_end", true, table(5, 7, &EmbeddingOptions{PaddingIndex: new(-1)}))
}

// tied is an embedding and a head that share one weight.
func tied(s *Scope) func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
	e := NewEmbedding(s.Sub("embedding"), 11, 6, nil)
	head := NewLinear(s.Sub("head"), 6, 11, &LinearOptions{NoBias: true, Weight: e.Weight})
	return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
		return head.Forward(g, Tanh(g, e.Forward(g, in["x"])))
	}
}

// TestTiedHead: one parameter under two names, whose gradient is the sum of both uses.
func TestTiedHead(t *testing.T) {
	parity(t, "embedding", "tied", true, tied)
	s := NewScope(1)
	tied(s)
	require.Len(t, s.Params(), 1)
	require.Equal(t, []string{"embedding.weight", "head.weight"}, stateNames(s))
}

func TestEmbeddingGradients(t *testing.T) {
	gradients(t,
		trial{
			name: "embedding", shapes: map[string]tensor.Shape{"x": {1, 7}}, index: map[string]int{"x": 5},
			model: layer(func(s *Scope) *Embedding { return NewEmbedding(s, 5, 3, nil) }),
		},
		trial{name: "tied", shapes: map[string]tensor.Shape{"x": {3, 2}}, index: map[string]int{"x": 11}, model: tied},
	)
}

func TestPaddingBeginsAsZeros(t *testing.T) {
	s := NewScope(1)
	e := NewEmbedding(s, 4, 3, &EmbeddingOptions{PaddingIndex: new(-2), Init: Ones})
	require.Equal(t, []float32{1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1}, e.Weight.Dense().Data())

	for _, row := range []int{4, -5} {
		s = NewScope(1)
		NewEmbedding(s.Sub("e"), 4, 3, &EmbeddingOptions{PaddingIndex: new(row)})
		require.ErrorContains(t, s.Err(), `"e.weight": padding index`)
	}
}

func TestIndexOutOfRange(t *testing.T) {
	s, g := NewScope(1), EvalGraph()
	x := g.Input("x", tensor.Int, 2, 3)
	NewEmbedding(s, 4, 3, nil).Forward(g, x)
	machine, err := g.Machine()
	require.NoError(t, err)
	index := x.Value().Data().([]int)
	for _, bad := range []int{4, -1} {
		index[4] = bad
		require.ErrorContains(t, machine.Run(), "index "+map[int]string{4: "4", -1: "-1"}[bad]+" at (1, 1) is out of range: want 0 to 3")
	}
	index[4] = 3
	require.NoError(t, machine.Run())
}
