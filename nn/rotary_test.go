package nn

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// rotaryOf is Rotary of the inputs x and, if it is there, positions.
func rotaryOf(o RotaryOptions) build {
	return func(*Scope) func(*Graph, map[string]*gorgonia.Node) *gorgonia.Node {
		return func(g *Graph, in map[string]*gorgonia.Node) *gorgonia.Node {
			o.Positions = in["positions"]
			return Rotary(g, in["x"], &o)
		}
	}
}

func TestRotaryIsTransformers(t *testing.T) {
	for name, o := range map[string]RotaryOptions{
		"halves":          {Heads: 3},
		"neighbours":      {Heads: 3, Interleaved: true},
		"one":             {},
		"theta":           {Heads: 2, Theta: 500},
		"dims":            {Heads: 2, Dims: 4},
		"dims_neighbours": {Heads: 2, Dims: 4, Interleaved: true},
		"positions":       {Heads: 2},
		"positions_each":  {Heads: 2},
		"frequencies":     {Heads: 2, Frequencies: []float64{1, 0.5, 0.125}},
	} {
		parity(t, "rotary", name, true, rotaryOf(o))
	}
}

func TestRotaryGradients(t *testing.T) {
	gradients(t,
		trial{name: "halves", shapes: map[string]tensor.Shape{"x": {1, 3, 4}}, model: rotaryOf(RotaryOptions{})},
		trial{
			name: "positions", shapes: map[string]tensor.Shape{"x": {2, 3, 14}, "positions": {2, 3}}, index: map[string]int{"positions": 50},
			model: rotaryOf(RotaryOptions{Heads: 2, Dims: 6, Interleaved: true}),
		},
	)
}

// TestRotaryFollowsPositions: angles are computed again for positions that have changed.
func TestRotaryFollowsPositions(t *testing.T) {
	g := EvalGraph()
	x, positions := g.Input("x", tensor.Float64, 1, 2, 2), g.Input("positions", tensor.Int, 2)
	out := Rotary(g, x, &RotaryOptions{Frequencies: []float64{1}, Positions: positions})
	machine, err := g.Machine()
	require.NoError(t, err)
	copy(x.Value().Data().([]float64), []float64{1, 0, 1, 0})
	for _, p := range [][]int{{0, 1}, {0, 2}, {-1, 2}} {
		copy(positions.Value().Data().([]int), p)
		require.NoError(t, machine.Run())
		want := map[int][]float64{0: {1, 0}, 1: {0.5403023058681398, 0.8414709848078965}, 2: {-0.4161468365471424, 0.9092974268256817}, -1: {0.5403023058681398, -0.8414709848078965}}
		require.InDeltaSlice(t, append(want[p[0]][:2:2], want[p[1]]...), out.Value().Data(), 1e-15)
	}
}

func TestRotaryRefuses(t *testing.T) {
	for want, o := range map[string]*RotaryOptions{
		"its width is not 5 heads":                                         {Heads: 5},
		"5 numbers of each head to be turned":                              {Heads: 2, Dims: 5},
		"8 numbers of each head to be turned":                              {Heads: 2, Dims: 8},
		"2 frequencies for 3 pairs":                                        {Heads: 2, Frequencies: []float64{1, 2}},
		"3 numbers of each head to be turned: want an even number up to 3": {Heads: 4},
	} {
		g := EvalGraph()
		Rotary(g, g.Input("x", tensor.Float32, 2, 3, 12), o)
		require.ErrorContains(t, g.Err(), want)
	}
	g := EvalGraph()
	Rotary(g, g.Input("x", tensor.Float32, 2, 3, 12), &RotaryOptions{Positions: g.Input("p", tensor.Int, 2)})
	require.ErrorContains(t, g.Err(), "the positions are (2): want (3) or (2, 3)")
}
