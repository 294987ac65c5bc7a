package solver

// These tests write states that do not fit, or only in part.

import (
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// stepped is a net in float32 with a scalar parameter, trained three steps by Adam.
func stepped(t testing.TB) (*net, gorgonia.Solver, *State) {
	t.Helper()
	n, s := newNet(t, tensor.Float32, true), makers["adam"]()
	n.train(t, s, 1, 3)
	return n, s, read(t, s, n.order)
}

// requireRefused says that st is refused for these reasons, and that s is as it was.
func requireRefused(t testing.TB, s gorgonia.Solver, order []gorgonia.ValueGrad, st *State, want ...Problem) {
	t.Helper()
	_, v, err := recognize(s)
	require.NoError(t, err)
	shallow := reflect.New(v.v.Type()).Elem()
	shallow.Set(v.v)
	write, err := Prepare(s, order, st)
	require.Nil(t, write)
	var got *MismatchError
	require.ErrorAs(t, err, &got)
	require.Equal(t, want, got.Problems)
	require.True(t, reflect.DeepEqual(shallow.Interface(), v.v.Interface()), "a refused state has changed the solver")
}

func TestAllProblemsAreNamedAndNothingChanges(t *testing.T) {
	n, s, before := stepped(t)
	st := copyOf(before)
	r := rand.New(rand.NewPCG(8, 8))
	st.Numbers = map[string]float64{"step": 2.5, "eta": 1}
	st.put(0, "exp_avg", noise(r, tensor.Float32, hidden, inputs))
	st.put(0, "exp_avg_sq", noise(r, tensor.Float64, inputs, hidden))
	st.put(1, "momentum_buffer", noise(r, tensor.Float32, 1, hidden))
	delete(st.Slots[1], "exp_avg")
	st.put(2, "exp_avg", noise(r, tensor.Float32, hidden))
	st.put(2, "exp_avg_sq", gorgonia.NewF32(1))
	st.put(3, "exp_avg", gorgonia.NewI(1))
	st.put(3, "exp_avg_sq", (*gorgonia.F32)(nil))
	requireRefused(t, s, n.order, st,
		Problem{-1, "", "cannot have taken 2.5 steps"},
		Problem{-1, "", `has no number "eta"`},
		Problem{0, "exp_avg", "has shape [3 4], its parameter [4 3]"},
		Problem{0, "exp_avg_sq", "is of dtype float64, its parameter of float32"},
		Problem{1, "momentum_buffer", "is none of this solver's slots"},
		Problem{1, "exp_avg", "has no value"},
		Problem{2, "exp_avg", "has shape [3], its parameter [3 1]"},
		Problem{2, "exp_avg_sq", "has shape [], its parameter [3 1]"},
		Problem{3, "exp_avg", "is a *gorgonia.I"},
		Problem{3, "exp_avg_sq", "has no value"},
	)
	require.Equal(t, before, read(t, s, n.order))
}

func TestMessagesNameThePosition(t *testing.T) {
	n, s, st := stepped(t)
	st.put(2, "exp_avg", gorgonia.NewF32(1))
	_, err := Prepare(s, n.order, st)
	require.EqualError(t, err, "solver adam: exp_avg of parameter 2 has shape [], its parameter [3 1]")
}

func TestStateOfAnotherSolverIsRefused(t *testing.T) {
	n, s, st := stepped(t)
	requireRefused(t, s, n.order, nil, Problem{-1, "", "has no state to be set to"})
	requireRefused(t, gorgonia.NewMomentum(), n.order, st, Problem{-1, "", `cannot have the state of a solver "adam"`})
	requireRefused(t, s, n.order[1:], st, Problem{-1, "", "has a state for 4 parameters and was given 3"})
	st.Numbers = nil
	requireRefused(t, s, n.order, st, Problem{-1, "", `has a state without the number "step"`})
	for _, steps := range []float64{-1, 0.5, math.NaN(), math.Inf(1), 1 << 60} {
		st.Numbers = map[string]float64{"step": steps}
		_, err := Prepare(s, n.order, st)
		require.ErrorContains(t, err, "cannot have taken")
	}
}

func TestNilParametersAreErrors(t *testing.T) {
	_, s, st := stepped(t)
	order := []gorgonia.ValueGrad{nil, (*gorgonia.Node)(nil), &loose{}, &loose{w: (*tensor.Dense)(nil)}}
	requireRefused(t, s, order, st,
		Problem{0, "", "is a nil parameter"},
		Problem{1, "", "is a nil parameter"},
		Problem{2, "", "has no value"},
		Problem{3, "", "has no value"},
	)
	_, err := Read(s, order)
	require.ErrorContains(t, err, "parameter 1 is a nil parameter")
	requireRefused(t, s, nil, st, Problem{-1, "", "has a state for 4 parameters and was given 0"})

	adamw := gorgonia.NewAdamW()
	w := newNet(t, tensor.Float64, false)
	w.train(t, adamw, 1, 2)
	st = read(t, adamw, w.order)
	requireRefused(t, adamw, []gorgonia.ValueGrad{nil, (*gorgonia.Node)(nil), &loose{}}, st,
		Problem{0, "", "is nil, and this solver steps on nodes only"},
		Problem{1, "", "is nil, and this solver steps on nodes only"},
		Problem{2, "", "is a *solver.loose, and this solver steps on nodes only"},
	)
	_, err = Read(adamw, []gorgonia.ValueGrad{nil, (*gorgonia.Node)(nil), &loose{}})
	require.ErrorContains(t, err, `remembers the node "w1"`)
}

// A solver that has never stepped remembers nothing, of nobody.
func TestNeverSteppedIsNoSlots(t *testing.T) {
	n := newNet(t, tensor.Float64, false)
	for name, make := range makers {
		for _, order := range [][]gorgonia.ValueGrad{nil, n.order} {
			st, err := Read(make(), order)
			require.NoError(t, err)
			require.Len(t, st.Slots, len(order))
			require.False(t, begun(st.Slots))
			s := make()
			n.train(t, s, 1, 1)
			write(t, s, order, st)
			again := read(t, s, order)
			require.Equal(t, st.Numbers, again.Numbers, name)
			require.False(t, begun(again.Slots), name)
		}
	}
}

// Positions without slots begin as at a first step, and Adam's corrections do not.
func TestNewParametersBeginAtZero(t *testing.T) {
	for _, c := range trainings() {
		if c.name == "vanilla" || c.name == "barzilai-borwein" {
			continue
		}
		t.Run(c.String(), func(t *testing.T) {
			weights, st := c.interrupted(t)
			zeros, none := copyOf(st), copyOf(st)
			for _, v := range zeros.Slots[1] {
				zero(v)
			}
			none.Slots[1] = nil
			want, wantState := c.resume(t, weights, zeros, whole)
			got, gotState := c.resume(t, weights, none, whole)
			require.Equal(t, want, got)
			require.Equal(t, bits(wantState.Slots), bits(gotState.Slots))
		})
	}
}

func TestBarzilaiBorweinTakesNoNewParameters(t *testing.T) {
	n, s := newNet(t, tensor.Float64, false), makers["barzilai-borwein"]()
	n.train(t, s, 1, 3)
	st := read(t, s, n.order)
	st.Slots[1] = nil
	requireRefused(t, s, n.order, st, Problem{1, "", "has no slots, and this solver cannot begin with one parameter more"})
}

// A rate chosen for a resume is kept where the checkpoint is from before the first step.
func TestSettingsAreNotRestored(t *testing.T) {
	n := newNet(t, tensor.Float64, false)
	st := read(t, gorgonia.NewBarzilaiBorweinSolver(gorgonia.WithLearnRate(0.5)), n.order)
	require.Equal(t, map[string]float64{"eta": 0.5}, st.Settings)
	s := gorgonia.NewBarzilaiBorweinSolver(gorgonia.WithLearnRate(0.25))
	write(t, s, n.order, st)
	require.Equal(t, map[string]float64{"eta": 0.25}, read(t, s, n.order).Settings)

	m, adam, was := stepped(t)
	later := gorgonia.NewAdamSolver(gorgonia.WithLearnRate(0.125))
	write(t, later, m.order, was)
	require.Equal(t, 0.01, read(t, adam, m.order).Settings["eta"])
	require.Equal(t, map[string]float64{"eta": 0.125, "eps": 1e-8, "beta1": 0.9, "beta2": 0.999, "batch": 1},
		read(t, later, m.order).Settings)
}

// Until write is called nothing changes; after Prepare, the state given may.
func TestPrepareCopiesAndWriteChanges(t *testing.T) {
	for _, c := range trainings() {
		_, st := c.interrupted(t)
		n, s := newNet(t, c.dtype, c.scalar), c.make()
		n.train(t, s, 1, 2)
		before, given := read(t, s, n.order), copyOf(st)
		set, err := Prepare(s, n.order, given)
		require.NoError(t, err)
		require.Equal(t, before, read(t, s, n.order))
		for _, slots := range given.Slots {
			for _, v := range slots {
				zero(v)
			}
		}
		set()
		require.Equal(t, st.Slots, read(t, s, n.order).Slots, c)
		n.train(t, s, 3, 4)
		for _, slots := range given.Slots {
			for _, v := range slots {
				require.Empty(t, nonzero(v), "a step has written into the caller's tensor")
			}
		}
	}
}

func nonzero(v gorgonia.Value) (at []int) {
	for i, b := range bitsOf(v) {
		if b != 0 {
			at = append(at, i)
		}
	}
	return at
}
