package solver

// These tests pin the names that a checkpoint has, and what is behind each.

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestNamesArePartOfTheFormat(t *testing.T) {
	want := map[string][2][]string{ // slots and numbers
		"vanilla":          {nil, nil},
		"momentum":         {{"momentum_buffer"}, nil},
		"rmsprop":          {{"square_avg"}, nil},
		"adagrad":          {{"sum"}, nil},
		"adam":             {{"exp_avg", "exp_avg_sq"}, {"step"}},
		"adamw":            {{"exp_avg", "exp_avg_sq"}, {"step"}},
		"barzilai-borwein": {{"prev_grad", "prev_param"}, {"eta"}},
	}
	require.Equal(t, slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(makers)))
	for name, make := range makers {
		n, s := newNet(t, tensor.Float64, false), make()
		n.train(t, s, 1, 3)
		st := read(t, s, n.order)
		require.Equal(t, name, st.Kind)
		require.Equal(t, want[name][0], slices.Sorted(maps.Keys(st.Slots[0])), name)
		require.Equal(t, want[name][1], slices.Sorted(maps.Keys(st.Numbers)), name)
	}
}

// One step by hand from weights of 8 and gradients of 0.5.
func TestSlotsHoldWhatTheirNamesSay(t *testing.T) {
	for _, c := range []struct {
		solver gorgonia.Solver
		slots  map[string]float64
		number map[string]float64
	}{
		{gorgonia.NewMomentum(gorgonia.WithLearnRate(0.25)), map[string]float64{"momentum_buffer": -0.125}, nil},
		{gorgonia.NewRMSPropSolver(gorgonia.WithRho(0.75)), map[string]float64{"square_avg": 0.0625}, nil},
		{gorgonia.NewAdaGradSolver(), map[string]float64{"sum": 0.25}, nil},
		{
			gorgonia.NewAdamSolver(gorgonia.WithBeta1(0.75), gorgonia.WithBeta2(0.5)),
			map[string]float64{"exp_avg": 0.125, "exp_avg_sq": 0.125},
			map[string]float64{"step": 1},
		},
		{
			gorgonia.NewBarzilaiBorweinSolver(gorgonia.WithLearnRate(0.25)),
			map[string]float64{"prev_param": 8, "prev_grad": 0.5},
			map[string]float64{"eta": 0.25},
		},
	} {
		fill := func(x float64) *tensor.Dense { return tensor.New(tensor.WithBacking([]float64{x, x})) }
		order := []gorgonia.ValueGrad{&loose{fill(8), fill(0.5)}}
		require.NoError(t, c.solver.Step(order))
		st := read(t, c.solver, order)
		require.Len(t, st.Slots[0], len(c.slots), st.Kind)
		for name, x := range c.slots {
			require.Equal(t, []float64{x, x}, st.Slots[0][name].Data(), "%s of %s", name, st.Kind)
		}
		require.Len(t, st.Numbers, len(c.number), st.Kind)
		for name, x := range c.number {
			require.Equal(t, x, st.Numbers[name], "%s of %s", name, st.Kind)
		}
	}
}
