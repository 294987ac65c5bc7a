package op

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestResultsOutliveGorgoniasOps mixes ours with ops of Gorgonia's that may write over their operands. All
// values that we promise must be what they were computed to be, and gradients right.
func TestResultsOutliveGorgoniasOps(t *testing.T) {
	flat := func(x *gorgonia.Node) *gorgonia.Node {
		return gorgonia.Must(gorgonia.Reshape(x, tensor.Shape{x.Shape().TotalSize()}))
	}
	type ops struct{ a, b, y, z *gorgonia.Node } // two leaves, and two nodes of ours: y = 2a, z = 3b
	for name, c := range map[string]struct {
		mix    func(o ops) (*gorgonia.Node, error)
		result func(a, b float64) float64
		da, db func(a, b float64) float64
	}{
		"sum": {
			func(o ops) (*gorgonia.Node, error) { return gorgonia.Add(o.y, o.z) },
			func(a, b float64) float64 { return 2*a + 3*b },
			func(a, b float64) float64 { return 2 }, func(a, b float64) float64 { return 3 },
		},
		"sum with a leaf": {
			func(o ops) (*gorgonia.Node, error) { return gorgonia.Add(o.z, o.a) },
			func(a, b float64) float64 { return 3*b + a },
			func(a, b float64) float64 { return 1 }, func(a, b float64) float64 { return 3 },
		},
		"product": {
			func(o ops) (*gorgonia.Node, error) { return gorgonia.HadamardProd(o.y, o.z) },
			func(a, b float64) float64 { return 6 * a * b },
			func(a, b float64) float64 { return 6 * b }, func(a, b float64) float64 { return 6 * a },
		},
		"square": {
			func(o ops) (*gorgonia.Node, error) {
				return gorgonia.Add(gorgonia.Must(gorgonia.Square(o.y)), gorgonia.Must(gorgonia.Neg(o.z)))
			},
			func(a, b float64) float64 { return 4*a*a - 3*b },
			func(a, b float64) float64 { return 8 * a }, func(a, b float64) float64 { return -3 },
		},
		"reshaped results": {
			func(o ops) (*gorgonia.Node, error) { return gorgonia.Add(flat(o.y), flat(o.z)) },
			func(a, b float64) float64 { return 2*a + 3*b },
			func(a, b float64) float64 { return 2 }, func(a, b float64) float64 { return 3 },
		},
		"reshaped leaves": {
			func(o ops) (*gorgonia.Node, error) { return gorgonia.Sub(flat(o.a), flat(o.z)) },
			func(a, b float64) float64 { return a - 3*b },
			func(a, b float64) float64 { return 1 }, func(a, b float64) float64 { return -3 },
		},
		"chain": {
			func(o ops) (*gorgonia.Node, error) {
				return gorgonia.Sub(gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Add(o.y, o.z)), o.a)), o.b)
			},
			func(a, b float64) float64 { return 3*a + 2*b },
			func(a, b float64) float64 { return 3 }, func(a, b float64) float64 { return 2 },
		},
		"twice": {
			func(o ops) (*gorgonia.Node, error) {
				return gorgonia.Add(gorgonia.Must(gorgonia.HadamardProd(o.y, o.z)), gorgonia.Must(gorgonia.Add(o.y, o.y)))
			},
			func(a, b float64) float64 { return 6*a*b + 4*a },
			func(a, b float64) float64 { return 6*b + 4 }, func(a, b float64) float64 { return 6 * a },
		},
	} {
		g, tape := gorgonia.NewGraph(), NewTape()
		a, b := leaf(g, "a", 2, 3), leaf(g, "b", 2, 3)
		y, err := Scale(tape, a, 2)
		require.NoError(t, err)
		z, err := Scale(tape, b, 3)
		require.NoError(t, err)
		mixed, err := c.mix(ops{a, b, y, z})
		require.NoError(t, err)
		last, err := Scale(tape, mixed, 10)
		require.NoError(t, err)
		grad(t, tape, last, a, b)
		require.NoError(t, Keep(g))
		m := gorgonia.NewTapeMachine(g)
		for range 3 {
			require.NoError(t, m.RunAll())
			m.Reset()
			da, err := a.Grad()
			require.NoError(t, err)
			db, err := b.Grad()
			require.NoError(t, err)
			for i := range 6 {
				v := float64(i + 1)
				require.Equal(t, v, elements(t, a.Value())[i], "%s: a", name)
				require.Equal(t, v, elements(t, b.Value())[i], "%s: b", name)
				require.Equal(t, 2*v, elements(t, y.Value())[i], "%s: y", name)
				require.Equal(t, 3*v, elements(t, z.Value())[i], "%s: z", name)
				require.Equal(t, 10*c.result(v, v), elements(t, last.Value())[i], "%s: last", name)
				require.Equal(t, 10*c.da(v, v), elements(t, da)[i], "%s: da", name)
				require.Equal(t, 10*c.db(v, v), elements(t, db)[i], "%s: db", name)
			}
		}
	}
}

// TestKeepAddsNothingForNothing: a graph of our ops alone is as it was, sums of gradients included.
func TestKeepAddsNothingForNothing(t *testing.T) {
	g, tape := gorgonia.NewGraph(), NewTape()
	a, b := leaf(g, "a", 3), leaf(g, "b", 3)
	h := blend(t, tape, a, b)
	y := blend(t, tape, blend(t, tape, h, h), h)
	grad(t, tape, y, a, b)
	before := len(g.AllNodes())
	require.NoError(t, Keep(g))
	require.Len(t, g.AllNodes(), before)
}
