package runs

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/internal/solver"
)

// TestInfinitiesAreFineInBuffersOnly: a mask may be infinite; what is trained, or remembered by a
// solver, may not. NaN is fine nowhere.
func TestInfinitiesAreFineInBuffersOnly(t *testing.T) {
	mask := zeros(tensor.Float32, 4)
	for name, test := range map[string]struct {
		of    func(l *loop) []float32
		v     float64
		wrong string
	}{
		"mask":       {func(*loop) []float32 { return mask.Float32s() }, math.Inf(-1), ""},
		"mask, NaN":  {func(*loop) []float32 { return mask.Float32s() }, math.NaN(), "masks: causal: 1 NaN"},
		"trained":    {weightsOf, math.Inf(1), "model: fc1.weight: 1 infinite"},
		"slot":       {slotOf, math.Inf(1), "optimizer: exp_avg_sq.fc1.weight: 1 infinite"},
		"slot, NaN":  {slotOf, math.NaN(), "optimizer: exp_avg_sq.fc1.weight: 1 NaN"},
		"slot, -Inf": {slotOf, math.Inf(-1), "optimizer: exp_avg_sq.fc1.weight: 1 infinite"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, tensor.Float32, 1, adam())
			l.step()
			r := newRun(t, runPath(t), nil)
			masks := Tensors("masks", checkpoint.FromValues(map[string]*tensor.Dense{"causal": mask}))
			_, err := r.Restore(t.Context(), append(l.parts(), masks)...)
			require.NoError(t, err)
			mask.Zero()
			test.of(l)[2] = float32(test.v)
			err = r.Save(t.Context(), 1, nil)
			if test.wrong == "" {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, ErrNotFinite)
				require.ErrorContains(t, err, test.wrong)
			}
			require.NoError(t, r.Close())
		})
	}
}

// TestOneEvidenceIsEnough: a state that stays bad does not fill the disk.
func TestOneEvidenceIsEnough(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{})
	weightsOf(l)[0] = float32(math.NaN())
	for step := range int64(3) {
		var bad *NotFiniteError
		require.ErrorAs(t, d.Save(t.Context(), step+1, nil), &bad)
		require.Equal(t, step == 0, bad.Evidence != "")
	}
	require.Equal(t, []string{"bad-step-000000000001-g000001", "lock", "writer-g000001"}, d.disk.Names("/runs/test"))
	require.NoError(t, d.Close())
}

func weightsOf(l *loop) []float32 { return l.weights[0].Value().Data().([]float32) }

// slotOf is the solver's own memory.
func slotOf(l *loop) []float32 {
	l.t.Helper()
	st, err := solver.Read(l.solver, l.order)
	require.NoError(l.t, err)
	return st.Slots[0]["exp_avg_sq"].Data().([]float32)
}
