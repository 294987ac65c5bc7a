package nn_test

// This file trains each family as PyTorch has trained it, from the same weights: testdata/gen/training.py.

import (
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// drift is how far losses and, in the end, weights may be from PyTorch's after twenty steps, as a
// part of the largest: errors of rounding grow with each step.
var drift = map[tensor.Dtype]float64{tensor.Float32: 2e-4, tensor.Float64: 1e-9}

func TestTrainingIsPyTorchs(t *testing.T) {
	f, err := safetensors.Open(filepath.Join("testdata", "training.safetensors"), nil)
	require.NoError(t, err)
	defer f.Close()
	for _, family := range families {
		for short, dt := range map[string]tensor.Dtype{"f32": tensor.Float32, "f64": tensor.Float64} {
			t.Run(family.name+"/"+short, func(t *testing.T) {
				prefix := family.name + "." + short + "."
				k := newTask(t, family, dt, 0)
				load(t, f, prefix+"state.", k)
				want := floats(dense(t, f, prefix+"losses"))
				for i := range want {
					batch := string(rune('0' + i%5))
					feed(t, k.x, dense(t, f, prefix+"x."+batch))
					feed(t, k.y, dense(t, f, prefix+"y."+batch))
					loss := k.step(t)
					require.InEpsilonf(t, want[i], loss, drift[dt], "loss of step %d", i)
				}
				for name, v := range k.scope.StateDict() {
					want, got := floats(dense(t, f, prefix+"after."+name)), floats(v.Value())
					if dt == tensor.Float32 && strings.HasSuffix(name, "in_proj_bias") {
						want, got = withoutKeys(want), withoutKeys(got)
					}
					close(t, want, got, drift[dt], name)
				}
			})
		}
	}
}

// withoutKeys leaves the bias of keys out, to which soft-max is blind: its gradient is nothing but
// errors of rounding, which AdamW makes steps of.
func withoutKeys(bias []float64) []float64 {
	third := len(bias) / 3
	return slices.Concat(bias[:third], bias[2*third:])
}

// load brings the tensors below a prefix into the model, which must have exactly those.
func load(t *testing.T, f *safetensors.File, prefix string, k *task) {
	t.Helper()
	state := map[string]gorgonia.Value{}
	for name := range f.All() {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			state[rest] = dense(t, f, name)
		}
	}
	names := map[string]bool{}
	for name, v := range k.scope.StateDict() {
		names[name] = true
		require.Contains(t, state, name)
		copy(v.Value().(*tensor.Dense).Raw, state[name].(*tensor.Dense).Raw)
	}
	require.Equal(t, slices.Sorted(maps.Keys(state)), slices.Sorted(maps.Keys(names)), "names of the state dict")
}

func dense(t *testing.T, f *safetensors.File, name string) *tensor.Dense {
	t.Helper()
	stored, err := f.Tensor(name)
	require.NoError(t, err)
	d, err := checkpoint.Dense(stored)
	require.NoError(t, err)
	return d
}

// feed overwrites the value of an input.
func feed(t *testing.T, n *gorgonia.Node, from *tensor.Dense) {
	t.Helper()
	require.Equal(t, []int(from.Shape()), []int(n.Shape()))
	if rows, ok := from.Data().([]int64); ok {
		for i, x := range rows {
			n.Value().Data().([]int)[i] = int(x)
		}
		return
	}
	copy(n.Value().(*tensor.Dense).Raw, from.Raw)
}

// floats are the numbers of a value.
func floats(v gorgonia.Value) []float64 {
	var all []float64
	switch data := v.Data().(type) {
	case int64:
		all = append(all, float64(data))
	case float32:
		all = append(all, float64(data))
	case float64:
		all = append(all, data)
	case []float32:
		for _, x := range data {
			all = append(all, float64(x))
		}
	case []float64:
		all = append(all, data...)
	}
	return all
}

// close wants no number to differ by more than a part of the largest.
func close(t *testing.T, want, got []float64, part float64, name string) {
	t.Helper()
	require.NotEmpty(t, want, name)
	require.Len(t, got, len(want), name)
	most := 0.0
	for _, x := range want {
		most = max(most, math.Abs(x))
	}
	for i := range want {
		require.InDeltaf(t, want[i], got[i], part*max(most, 1e-3), "%s at %d; the largest is %v", name, i, most)
	}
}
