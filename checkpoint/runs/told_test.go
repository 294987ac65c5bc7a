package runs

// These tests are about what the loop is told of a save that came to nothing, or may have.

import (
	"math"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys/faulty"
)

// TestAnUnconfirmedSaveIsTold, and is there: the same step is not saved once more, and the next one
// goes on from it.
func TestAnUnconfirmedSaveIsTold(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{})
	require.NoError(t, d.Save(t.Context(), 1, nil))
	perSave := len(tracesOf(d.proc, "syncdir "))
	require.NoError(t, d.Save(t.Context(), 2, nil))
	perSave = len(tracesOf(d.proc, "syncdir ")) - perSave
	d.proc.Inject(faulty.Fault{Op: "syncdir", Call: len(tracesOf(d.proc, "syncdir ")) + perSave - 1})
	require.ErrorIs(t, d.Save(t.Context(), 3, nil), ErrUnconfirmed)
	require.Equal(t, []int64{1, 2, 3}, d.steps())
	require.NoError(t, d.Save(t.Context(), 3, nil), "it is there")
	require.NoError(t, d.Save(t.Context(), 4, nil))
	require.Contains(t, d.steps(), int64(4))
	require.Len(t, seen[Failed](d), 1)
	require.NoError(t, d.Finish(t.Context()))
}

// TestAFailedSaveIsTriedAgain: that it was asked for before does not make it saved.
func TestAFailedSaveIsTriedAgain(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{})
	d.proc.Inject(faulty.Fault{Op: "sync", Call: len(tracesOf(d.proc, "sync "))})
	require.ErrorIs(t, d.Save(t.Context(), 1, nil), syscall.EIO)
	require.Empty(t, d.steps())
	require.NoError(t, d.Save(t.Context(), 1, nil))
	require.Equal(t, []int64{1}, d.steps())
	require.NoError(t, d.Finish(t.Context()))
}

// TestTheLoopIsToldAtOnce of what it cannot train on over: a state that is not finite, and a run that
// somebody else has.
func TestTheLoopIsToldAtOnce(t *testing.T) {
	for name, test := range map[string]struct {
		happens func(d *onDisk, l *loop)
		want    error
	}{
		"not finite": {func(_ *onDisk, l *loop) { weightsOf(l)[0] = float32(math.NaN()) }, ErrNotFinite},
		"fenced":     {func(d *onDisk, _ *loop) { d.disk.WriteFile("/runs/test/writer-g000002", nil) }, ErrFenced},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t, tensor.Float32, 1, adam())
			d := newOnDisk(t, l, Options{EverySteps: 1})
			require.NoError(t, d.saves(1, nil))
			test.happens(d, l)
			require.NoError(t, d.saves(2, nil), "nobody knows yet")
			require.ErrorIs(t, d.saves(3, nil), test.want)
			require.Equal(t, []int64{1}, d.steps())
			require.NoError(t, d.Close(), "which was told")
		})
	}
}
