package runs

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

func TestAReaderFollowsTheBest(t *testing.T) {
	path := runPath(t)
	trained := newLoop(t, tensor.Float32, 1, adam())
	w := newRun(t, path, &Options{KeepBest: Lowest("loss"), EverySteps: 1000})
	_, err := w.Restore(t.Context(), trained.parts()...)
	require.NoError(t, err)

	best := BestBy(Lowest("loss"))
	r := newRun(t, path, &Options{ReadOnly: true, From: best})
	_, err = r.Find(best)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = r.Find(Selector{})
	require.ErrorIs(t, err, ErrNotFound)

	var served string // bits of the best
	for step, loss := range []float64{3, 2, 4, 1} {
		trained.step()
		require.NoError(t, w.Save(t.Context(), int64(step+1), Metrics{"loss": loss}))
		head, err := r.Find(Selector{})
		require.NoError(t, err)
		require.True(t, head.Head)
		require.EqualValues(t, step+1, head.Step)
		if loss != 4 {
			served = trained.bits()
		}

		found, err := r.Find(best)
		require.NoError(t, err)
		spare := newLoop(t, tensor.Float32, 2, adam())
		restored, err := r.Restore(t.Context(), Weights(spare.model()))
		require.NoError(t, err)
		require.Equal(t, found.ID, restored.From)
		require.Equal(t, found.Metrics, restored.Metrics)
		require.Equal(t, served, spare.bits())
	}
	require.NoError(t, r.Close())
	require.NoError(t, w.Finish(t.Context()))
}

func TestAWriterRestoresOnce(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	r := newRun(t, runPath(t), nil)
	_, err := r.Restore(t.Context(), l.parts()...)
	require.NoError(t, err)
	_, err = r.Restore(t.Context(), l.parts()...)
	require.ErrorContains(t, err, "called before")
	require.NoError(t, r.Close())
}
