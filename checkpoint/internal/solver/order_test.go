package solver

// These tests are about orders that are not the slice given to Step.

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func TestShorterOrderIsRefused(t *testing.T) {
	for _, c := range trainings() {
		if c.name == "vanilla" {
			continue
		}
		n, s := newNet(t, c.dtype, c.scalar), c.make()
		n.train(t, s, 1, 1)
		for _, order := range [][]gorgonia.ValueGrad{nil, n.order[:2]} {
			_, err := Read(s, order)
			var mismatch *MismatchError
			require.ErrorAs(t, err, &mismatch, "%v", c)
			require.ErrorContains(t, err, "the order must be the slice given to Step")
		}
	}
}

// What was added since the last Step has no slots yet. Gorgonia would panic at the next
// Step; after a write it goes on.
func TestLongerOrderHasEmptyPositions(t *testing.T) {
	for _, c := range trainings() {
		if c.name == "vanilla" || c.name == "barzilai-borwein" {
			continue
		}
		n, s := newNet(t, c.dtype, c.scalar), c.make()
		all := n.order
		n.order = all[:2]
		n.train(t, s, 1, 2)
		st := read(t, s, all)
		require.Len(t, st.Slots, len(all))
		require.NotEmpty(t, st.Slots[1])
		require.Empty(t, st.Slots[2])
		n.order = all
		write(t, s, all, st)
		n.train(t, s, 3, 4)
		require.NotEmpty(t, read(t, s, all).Slots[2], "%v", c)
	}
}

func TestSwappedOrderIsRefusedWhereShapesTell(t *testing.T) {
	n, s := newNet(t, tensor.Float64, false), makers["adam"]()
	n.train(t, s, 1, 1)
	_, err := Read(s, []gorgonia.ValueGrad{n.order[1], n.order[0], n.order[2]})
	require.EqualError(t, err, "solver adam: exp_avg of parameter 0 has shape [4 3], its parameter [1 3]; "+
		"exp_avg_sq of parameter 0 has shape [4 3], its parameter [1 3]; "+
		"exp_avg of parameter 1 has shape [1 3], its parameter [4 3]; "+
		"exp_avg_sq of parameter 1 has shape [1 3], its parameter [4 3]")
}

// AdamW keeps one state for a node, however often it is stepped on.
func TestNodeGivenTwiceToAdamW(t *testing.T) {
	n, s := newNet(t, tensor.Float32, false), makers["adamw"]()
	n.order = append(n.order, n.order[0])
	n.train(t, s, 1, 3)
	st := read(t, s, n.order)
	require.Equal(t, st.Slots[0], st.Slots[3])
	s2 := makers["adamw"]()
	write(t, s2, n.order, st)
	require.Equal(t, st, read(t, s2, n.order))
	zero(st.Slots[3]["exp_avg"])
	requireRefused(t, s, n.order, st, Problem{3, "", "is the same node as parameter 0, and has other slots"})
	st.Slots[3] = nil
	requireRefused(t, s, n.order, st, Problem{3, "", "is the same node as parameter 0, and has other slots"})
}

// denom is not kept because a Step writes all of it before it reads any.
func TestAdamWsDenomIsScratch(t *testing.T) {
	for _, dtype := range []tensor.Dtype{tensor.Float32, tensor.Float64} {
		next := func(spoil bool) *State {
			n, s := newNet(t, dtype, false), makers["adamw"]()
			n.train(t, s, 1, 5)
			if spoil {
				_, v, err := recognize(s)
				require.NoError(t, err)
				for _, e := range v.get("states").Seq2() {
					d := unlocked(e.Elem().FieldByName("denom")).Interface().(*tensor.Dense)
					require.NoError(t, d.Memset(number(dtype, math.NaN())))
				}
			}
			n.train(t, s, 6, 8)
			return read(t, s, n.order)
		}
		require.Equal(t, bits(next(false).Slots), bits(next(true).Slots))
	}
}

// A tensor without axes gets tensors, and an F32 gets F32s, whichever the state has.
func TestScalarsOfEitherType(t *testing.T) {
	zeroD := func(x float32) *tensor.Dense { return tensor.New(tensor.FromScalar(x)) }
	st := &State{Kind: "momentum", Slots: []map[string]gorgonia.Value{
		{"momentum_buffer": zeroD(2)}, {"momentum_buffer": gorgonia.NewF32(3)},
	}}
	order := []gorgonia.ValueGrad{&loose{w: gorgonia.NewF32(1)}, &loose{w: zeroD(1)}}
	s := gorgonia.NewMomentum()
	write(t, s, order, st)
	got, err := Read(s, order)
	require.NoError(t, err)
	require.IsType(t, gorgonia.NewF32(0), got.Slots[0]["momentum_buffer"])
	require.IsType(t, zeroD(0), got.Slots[1]["momentum_buffer"])
	require.Equal(t, bits(st.Slots), bits(got.Slots))
}
