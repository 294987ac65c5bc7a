package solver

// This file trains parameters of odd shapes and layouts.

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// A loose parameter has a gradient without a graph.
type loose struct{ w, g gorgonia.Value }

func (p *loose) Value() gorgonia.Value         { return p.w }
func (p *loose) Grad() (gorgonia.Value, error) { return p.g, nil }

// newLoose makes parameters of these shapes; those transposed have their axes swapped
// without moving numbers, in value and gradient.
func newLoose(t testing.TB, dtype tensor.Dtype, transposed bool, shapes [][]int) []gorgonia.ValueGrad {
	t.Helper()
	r := rand.New(rand.NewPCG(5, 6))
	make := func(shape []int) gorgonia.Value {
		if len(shape) == 0 {
			return valueOf(dtype, nil, bitsOf(noise(r, dtype, 1)))
		}
		d := noise(r, dtype, shape...)
		if transposed {
			require.NoError(t, d.T())
		}
		return d
	}
	var order []gorgonia.ValueGrad
	for _, shape := range shapes {
		order = append(order, &loose{make(shape), make(shape)})
	}
	return order
}

func steps(t testing.TB, s gorgonia.Solver, order []gorgonia.ValueGrad, first, last int) {
	t.Helper()
	for step := first; step <= last; step++ {
		r := rand.New(rand.NewPCG(7, uint64(step)))
		for _, p := range order {
			refill(p.(*loose).g, r)
		}
		require.NoError(t, s.Step(order))
	}
}

func valuesOf(order []gorgonia.ValueGrad) [][]byte {
	var all [][]byte
	for _, p := range order {
		all = append(all, bitsOf(p.Value()))
	}
	return all
}

func TestOddShapesAndLayoutsResume(t *testing.T) {
	shapes := [][]int{{1}, {1, 1}, {5}, {5, 1}, {1, 5}, {2, 3}, {2, 3, 4}, {2, 1, 3, 2}}
	for _, name := range []string{"momentum", "rmsprop", "adagrad", "adam", "barzilai-borwein"} {
		for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
			if name == "barzilai-borwein" && dtype == tensor.Float32 {
				continue
			}
			for _, transposed := range []bool{false, true} {
				shapes := shapes
				if transposed {
					shapes = [][]int{{2, 3}, {4, 2}}
				}
				t.Run(fmt.Sprintf("%s/%v/transposed=%v", name, dtype, transposed), func(t *testing.T) {
					straight := newLoose(t, dtype, transposed, shapes)
					s := makers[name]()
					steps(t, s, straight, 1, 3)
					middle, st := valuesOf(straight), read(t, s, straight)
					steps(t, s, straight, 4, 6)
					resumed := newLoose(t, dtype, transposed, shapes)
					for i, p := range resumed {
						m, _ := memoryOf(p.Value())
						from, _ := memoryOf(valueOf(dtype, p.Value().Shape(), middle[i]))
						m.set(from)
					}
					s2 := makers[name]()
					write(t, s2, resumed, st)
					steps(t, s2, resumed, 4, 6)
					require.Equal(t, valuesOf(straight), valuesOf(resumed))
					require.Equal(t, bits(read(t, s, straight).Slots), bits(read(t, s2, resumed).Slots))
				})
			}
		}
	}
}

// Where a parameter lies in a larger tensor, its slot is written where it lies in its own.
func TestSlotsOfAViewAreWrittenInOrder(t *testing.T) {
	base := noise(rand.New(rand.NewPCG(1, 1)), tensor.Float64, 4, 5)
	view, err := base.Slice(nil, gorgonia.S(1, 3))
	require.NoError(t, err)
	before := slices.Clone(base.Raw)
	order := []gorgonia.ValueGrad{&loose{w: view.(*tensor.Dense)}}
	want := noise(rand.New(rand.NewPCG(2, 2)), tensor.Float64, 4, 2)
	s := gorgonia.NewMomentum()
	write(t, s, order, &State{Kind: "momentum", Slots: []map[string]gorgonia.Value{{"momentum_buffer": want}}})
	st, err := Read(s, order)
	require.NoError(t, err)
	require.Equal(t, bitsOf(want), bitsOf(st.Slots[0]["momentum_buffer"]))
	require.Equal(t, before, base.Raw)
}
