package runs

// This file is about what captures remember: it must never show.

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
)

// listed is all that a capture says, the bytes included.
func (c *capture) listed(t *testing.T) string {
	t.Helper()
	var text bytes.Buffer
	for _, f := range c.files {
		fmt.Fprintln(&text, f.name, f.slots, f.metadata)
		for _, s := range f.src {
			fmt.Fprintf(&text, "%s %s %v %x\n", s.Name, s.DType, s.Shape, s.Data)
			if s.WriteData != nil {
				require.NoError(t, s.WriteData(&text))
			}
		}
	}
	fmt.Fprintf(&text, "%s %v", c.entries, c.trained)
	return text.String()
}

// TestWhatIsRememberedNeverShows: whatever a program does to its model between two saves, a capture that
// remembers the one before lists what one lists that remembers nothing.
func TestWhatIsRememberedNeverShows(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	values := map[string]G.Value{"a": zeros(tensor.Float64, 2, 3), "b": G.NewF32(1)}
	l.step()
	// A solver keeps its slots with the shapes of its parameters; what changes shape is of another part.
	parts := append(l.parts(), Tensors("more", checkpoint.FromValues(values)))
	a := func() *tensor.Dense { return values["a"].(*tensor.Dense) }
	changes := map[string]func(){
		"a step":             l.step,
		"nothing":            func() {},
		"another value":      func() { values["a"] = zeros(tensor.Float64, 2, 3) },
		"another dtype":      func() { values["a"] = zeros(tensor.Float32, 2, 3) },
		"another shape":      func() { require.NoError(t, a().Reshape(3, 2)) },
		"another layout":     func() { require.NoError(t, a().T()) },
		"bytes":              func() { require.NoError(t, a().Memset(castTo(a(), 3))) },
		"another scalar":     func() { values["b"] = G.NewF64(2) },
		"a scalar's bytes":   func() { values["b"] = G.NewF32(3) },
		"one more":           func() { values["c"] = zeros(tensor.Int64, 1) },
		"one less":           func() { delete(values, "c") },
		"another name":       func() { delete(values, "c"); values["d"] = zeros(tensor.Int64, 1) },
		"and back":           func() { delete(values, "d") },
		"a node's new value": func() { require.NoError(t, G.Let(l.weights[0], cloneOf(l.weights[0]))) },
	}
	names := []string{"nothing"}
	for name := range changes {
		names = append(names, name)
	}
	memo, rng, reused := newMemo(), rand.New(rand.NewPCG(1, 2)), 0
	for range 300 {
		name := names[rng.IntN(len(names))]
		changes[name]()
		before := memo.files["more"].file.src
		with, err := newCapture(parts, memo)
		require.NoError(t, err, name)
		without, err := newCapture(parts, newMemo())
		require.NoError(t, err, name)
		require.Equal(t, without.listed(t), with.listed(t), name)
		if len(before) > 0 && &before[0] == &with.files[2].src[0] {
			reused++
		}
	}
	require.Positive(t, reused, "something is remembered")
}

func castTo(d *tensor.Dense, x float64) any {
	if d.Dtype() == tensor.Float32 {
		return float32(x)
	}
	return x
}

func cloneOf(n *G.Node) G.Value { return n.Value().(*tensor.Dense).Clone().(*tensor.Dense) }

// TestWhatIsRememberedForgetsNoError: what cannot be saved any more is an error also when it could be before.
func TestWhatIsRememberedForgetsNoError(t *testing.T) {
	values := map[string]*tensor.Dense{"a": zeros(tensor.Float64, 2)}
	parts, memo := []Part{Tensors("more", checkpoint.FromValues(values))}, newMemo()
	_, err := newCapture(parts, memo)
	require.NoError(t, err)
	for _, bad := range []*tensor.Dense{nil, tensor.New(tensor.Of(tensor.String), tensor.WithShape(1)), masked()} {
		values["a"] = bad
		_, err = newCapture(parts, memo)
		require.ErrorIs(t, err, checkpoint.ErrModel)
	}
}

func masked() *tensor.Dense {
	return tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 2}, []bool{true, false}))
}
