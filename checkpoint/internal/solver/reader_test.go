package solver

// This file is about what a Reader remembers: it must never show.

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// TestReaderReadsAsRead: whatever happens to solver and parameters between two readings, a Reader says
// what Read says, the errors too.
func TestReaderReadsAsRead(t *testing.T) {
	for _, c := range trainings() {
		n, s := newNet(t, c.dtype, c.scalar), c.make()
		var order []gorgonia.ValueGrad
		slot := func() gorgonia.Value {
			st, err := Read(s, n.order)
			if err != nil || len(st.Slots[0]) == 0 {
				return nil
			}
			for _, v := range st.Slots[0] {
				return v
			}
			return nil
		}
		step, broken := 0, false
		anew := func() { s, n, step, broken = c.make(), newNet(t, c.dtype, c.scalar), 0, false; order = n.order }
		changes := []func(){
			func() {
				if broken {
					anew()
				}
				step++
				order = n.order
				n.train(t, s, step, step)
			},
			func() { order = n.order },
			func() { order = []gorgonia.ValueGrad{n.order[1], n.order[0], n.order[2]} },
			func() { order = n.order[:1] },
			func() { order = append(order[:len(order):len(order)], nil) },
			anew,
			func() { require.NoError(t, gorgonia.Let(n.params[1], n.params[1].Value().(*tensor.Dense).Clone())) },
			func() {
				if d, ok := slot().(*tensor.Dense); ok {
					require.NoError(t, d.T())
					broken = true // no solver can step on it
				}
			},
		}
		r, reused := &Reader{}, 0
		rng := rand.New(rand.NewPCG(9, 9))
		last := map[uintptr]bool{}
		for range 200 {
			changes[rng.IntN(len(changes))]()
			want, wantErr := Read(s, order)
			got, err := r.Read(s, order)
			require.Equal(t, wantErr, err, "%v", c)
			require.Equal(t, want, got, "%v", c)
			now := map[uintptr]bool{}
			if got != nil {
				for i := range got.Slots {
					require.True(t, same(want.Slots[i], got.Slots[i]))
					at := reflect.ValueOf(got.Slots[i]).Pointer()
					if now[at] = at != 0; last[at] {
						reused++
					}
				}
			}
			last = now
		}
		if c.name != "vanilla" {
			require.Positive(t, reused, "%v: something is remembered", c)
		}
	}
}

// same reports whether two maps have the very same values.
func same(a, b map[string]gorgonia.Value) bool {
	for slot, v := range a {
		if b[slot] != v {
			return false
		}
	}
	return len(a) == len(b)
}

// TestReaderOfAnotherSolver: what was read of one is forgotten at the next.
func TestReaderOfAnotherSolver(t *testing.T) {
	r := &Reader{}
	for _, c := range append(trainings(), trainings()...) {
		n, s := newNet(t, c.dtype, c.scalar), c.make()
		n.train(t, s, 1, 2)
		want, err := Read(s, n.order)
		require.NoError(t, err)
		got, err := r.Read(s, n.order)
		require.NoError(t, err)
		require.Equal(t, want, got)
		_, err = r.Read(nil, n.order)
		require.ErrorIs(t, err, ErrUnknown)
	}
}
