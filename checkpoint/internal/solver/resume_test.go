package solver

// These tests stop a training after ten of twenty steps and go on with a new network and a
// new solver.

import (
	"iter"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

const half, whole = 10, 20

// interrupted trains to the half and returns what a checkpoint has.
func (c training) interrupted(t testing.TB) (weights [][]byte, st *State) {
	t.Helper()
	n, s := newNet(t, c.dtype, c.scalar), c.make()
	n.train(t, s, 1, half)
	return n.weights(), read(t, s, n.order)
}

// resume goes on from there to a step with everything new, and returns what there is then.
func (c training) resume(t testing.TB, weights [][]byte, st *State, last int) ([][]byte, *State) {
	t.Helper()
	n, s := newNet(t, c.dtype, c.scalar), c.make()
	n.setWeights(weights)
	write(t, s, n.order, st)
	n.train(t, s, half+1, last)
	return n.weights(), read(t, s, n.order)
}

// straight trains to a step without a stop.
func (c training) straight(t testing.TB, last int) ([][]byte, *State) {
	t.Helper()
	n, s := newNet(t, c.dtype, c.scalar), c.make()
	n.train(t, s, 1, last)
	return n.weights(), read(t, s, n.order)
}

func TestResumedTrainingGivesTheSameBits(t *testing.T) {
	for _, c := range trainings() {
		t.Run(c.String(), func(t *testing.T) {
			want, wantState := c.straight(t, whole)
			weights, st := c.interrupted(t)
			if c.name != "adamw" {
				require.NotEqual(t, want, weights, "the second half changes nothing, so it shows nothing")
			}
			got, gotState := c.resume(t, weights, st, whole)
			require.Equal(t, want, got)
			require.Equal(t, wantState.Numbers, gotState.Numbers)
			require.Equal(t, bits(wantState.Slots), bits(gotState.Slots))
		})
	}
}

// A state that the solver may keep gives the same bits, and is kept where it lies as the solver's own would.
func TestResumedTrainingKeepsWhatItMay(t *testing.T) {
	for _, c := range trainings() {
		t.Run(c.String(), func(t *testing.T) {
			want, wantState := c.straight(t, whole)
			weights, st := c.interrupted(t)
			owned := copyOf(st)
			owned.Owned = true
			n, s := newNet(t, c.dtype, c.scalar), c.make()
			n.setWeights(weights)
			write(t, s, n.order, owned)
			for i, slots := range read(t, s, n.order).Slots {
				for name, v := range slots {
					given := owned.Slots[i][name]
					require.Equal(t, alike(given, n.order[i].Value()), v == given, "%d %s", i, name)
				}
			}
			n.train(t, s, half+1, whole)
			require.Equal(t, want, n.weights())
			require.Equal(t, bits(wantState.Slots), bits(read(t, s, n.order).Slots))
		})
	}
}

// What is written is what is read, and reading again finds it unchanged by the copy.
func TestWrittenStateReadsBack(t *testing.T) {
	for _, c := range trainings() {
		t.Run(c.String(), func(t *testing.T) {
			_, st := c.interrupted(t)
			n, s := newNet(t, c.dtype, c.scalar), c.make()
			write(t, s, n.order, st)
			require.Equal(t, st, read(t, s, n.order))
		})
	}
}

// inert is the state without which the weights become what they become with it, and why.
var inert = map[string]string{
	"adamw/exp_avg":        "no weight ever moves",
	"adamw/exp_avg_sq":     "no weight ever moves",
	"adamw/step":           "no weight ever moves",
	"barzilai-borwein/eta": "computed from the slots before it is used",
}

// inertForScalars is what Gorgonia never stores for them.
var inertForScalars = map[string]string{
	"momentum/momentum_buffer": "always 0",
	"adagrad/sum":              "always 0",
}

func TestEachPartOfTheStateMatters(t *testing.T) {
	for _, c := range trainings() {
		weights, st := c.interrupted(t)
		want, _ := c.straight(t, whole)
		for part, less := range eachWithheld(st) {
			t.Run(c.String()+"/"+part.name, func(t *testing.T) {
				got, _ := c.resume(t, weights, less, whole)
				name := c.name + "/" + part.name
				if inert[name] != "" || part.scalar && inertForScalars[name] != "" {
					require.Equal(t, want, got)
					return
				}
				require.NotEqual(t, want, got)
			})
		}
	}
}

// AdamW's weights show nothing, but what it remembers does. After one step already: at the
// tenth, its way to compute averages forgets all but 1 % of the squares in a step.
func TestEachPartOfAdamWsStateMattersToTheNext(t *testing.T) {
	for _, c := range trainings() {
		if c.name != "adamw" {
			continue
		}
		weights, st := c.interrupted(t)
		_, want := c.straight(t, half+1)
		for part, less := range eachWithheld(st) {
			_, got := c.resume(t, weights, less, half+1)
			require.NotEqual(t, bits(want.Slots), bits(got.Slots), "%v without %s", c, part.name)
		}
		_, got := c.resume(t, weights, st, half+1)
		require.Equal(t, bits(want.Slots), bits(got.Slots))
	}
}

// A part is one number, or one slot of one parameter.
type part struct {
	name   string
	scalar bool // a slot of a scalar parameter
}

// eachWithheld are copies of st in which one part is 0.
func eachWithheld(st *State) iter.Seq2[part, *State] {
	return func(yield func(part, *State) bool) {
		for name := range st.Numbers {
			less := copyOf(st)
			less.Numbers[name] = 0
			if !yield(part{name: name}, less) {
				return
			}
		}
		for i, slots := range st.Slots {
			for name, v := range slots {
				less := copyOf(st)
				zero(less.Slots[i][name])
				if !yield(part{name, len(v.Shape()) == 0}, less) {
					return
				}
			}
		}
	}
}

func zero(v gorgonia.Value) {
	m, _ := memoryOf(v)
	clear(m.raw)
}

func TestStatefulSolversHaveSlotsForEveryParameter(t *testing.T) {
	for _, c := range trainings() {
		_, st := c.interrupted(t)
		require.Equal(t, c.name, st.Kind)
		for i, slots := range st.Slots {
			if c.name == "vanilla" {
				require.Empty(t, slots)
				continue
			}
			require.NotEmpty(t, slots, "%v, parameter %d", c, i)
		}
	}
}
