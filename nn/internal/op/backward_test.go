package op

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// gradientNodes counts the nodes that compute gradients, and those that hand them on.
func gradientNodes(g *gorgonia.ExprGraph) (backwards, picks int) {
	for _, n := range g.AllNodes() {
		switch n.Op().(type) {
		case *backward[float64]:
			backwards++
		case *pick[float64]:
			picks++
		}
	}
	return backwards, picks
}

// TestOnlyNeededGradients: of what is fixed, and of what only that needs, none is computed.
func TestOnlyNeededGradients(t *testing.T) {
	for name, c := range map[string]struct {
		fix              []string
		backwards, picks int
	}{
		"all":         {nil, 3, 2},
		"data":        {[]string{"x"}, 3, 1},
		"first layer": {[]string{"x", "a"}, 2, 0},
		"head":        {[]string{"x", "b"}, 3, 0},
	} {
		g, tape := gorgonia.NewGraph(), NewTape()
		leaves := map[string]*gorgonia.Node{"x": leaf(g, "x", 3), "a": leaf(g, "a", 3), "b": leaf(g, "b", 3)}
		for _, name := range c.fix {
			tape.Fix(leaves[name])
		}
		h := blend(t, tape, leaves["x"], leaves["a"])
		y := blend(t, tape, h, leaves["b"])
		require.Equal(t, name != "first layer", tape.Needs(h), name)
		require.True(t, tape.Needs(y), name)
		var of []*gorgonia.Node
		for _, n := range []*gorgonia.Node{leaves["x"], leaves["a"], leaves["b"]} {
			if tape.Needs(n) {
				of = append(of, n)
			}
		}
		grad(t, tape, y, of...) // which adds a node Dot, and its gradient
		backwards, picks := gradientNodes(g)
		require.Equal(t, c.backwards, backwards, name)
		require.Equal(t, c.picks, picks, name)
		run(t, g, 2)
		want := map[string][]float64{"x": {4, 9, 16}, "a": {2, 6, 12}, "b": {2, 6, 12}} // (a+1)(b+1), x(b+1), x(a+1)
		for name, n := range leaves {
			if tape.Needs(n) {
				d, err := n.Grad()
				require.NoError(t, err)
				require.Equal(t, want[name], elements(t, d), name)
			}
		}
	}
}

// TestFixIsHeardLater: an op that was applied before does what it was made to.
func TestFixIsHeardLater(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	a, b := leaf(g, "a", 3), leaf(g, "b", 3)
	y := blend(t, tape, a, b)
	tape.Fix(a)
	z := blend(t, tape, a, b)
	require.Equal(t, []bool{true, true}, y.Op().(*forward[float64]).DiffWRT(2))
	require.Equal(t, []bool{false, true}, z.Op().(*forward[float64]).DiffWRT(2))
}

// TestWithoutBackward: nothing that such a function gives has a gradient.
func TestWithoutBackward(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	x := leaf(g, "x", 3)
	round := Function[float64]{Name: "round", Forward: func(c *Call[float64]) error { return nil }}
	y, err := Apply(tape, tensor.Shape{3}, Function[float32]{}, round, x)
	require.NoError(t, err)
	require.False(t, tape.Needs(y))
	require.Equal(t, []bool{false}, y.Op().(*forward[float64]).DiffWRT(1))
}

// TestGradientsOfManyInputs: each input gets its own, of its shape, whichever are needed, and memory is
// there for those alone.
func TestGradientsOfManyInputs(t *testing.T) {
	shapes := [][]int{{2}, {3, 1}, {2, 2}, {1}}
	for needed := 1; needed < 1<<len(shapes); needed++ {
		g, tape := gorgonia.NewGraph(), NewTape()
		var in, of gorgonia.Nodes
		for i, s := range shapes {
			n := leaf(g, string(rune('a'+i)), s...)
			in = append(in, n)
			if needed>>i&1 == 1 {
				of = append(of, n)
			} else {
				tape.Fix(n)
			}
		}
		f := Function[float64]{
			Name:    "many",
			Forward: func(c *Call[float64]) error { c.Out[0] = 1; return nil },
			Backward: func(c *Call[float64]) error {
				for i, dx := range c.DIn {
					require.Equal(t, needed>>i&1 == 1, dx != nil)
					for j := range dx {
						dx[j] = float64(10*i+j) * c.Grad[0]
					}
				}
				return nil
			},
		}
		y, err := Apply(tape, tensor.Shape{}, Function[float32]{}, f, in...)
		require.NoError(t, err)
		grad(t, tape, y, of...)
		backwards, picks := gradientNodes(g)
		require.Equal(t, []int{1, len(of) - 1}, []int{backwards, picks})
		run(t, g, 2)
		for i, n := range in {
			if needed>>i&1 == 0 {
				continue
			}
			d, err := n.Grad()
			require.NoError(t, err)
			require.Equal(t, shapes[i], []int(d.Shape()))
			require.Equal(t, shapes[i], []int(n.Deriv().Shape()))
			for j, x := range elements(t, d) {
				require.Equal(t, float64(10*i+j), x)
			}
		}
	}
}
