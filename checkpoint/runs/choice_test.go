package runs

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// TestAPinIsKnownToTheRules: a dry run does not promise to delete what would then be refused.
func TestAPinIsKnownToTheRules(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1, KeepLast: 2})
	require.NoError(t, d.saves(1, nil))
	require.NoError(t, d.Pin(AtStep(1), "paper"))
	for step := range int64(3) {
		require.NoError(t, d.saves(2+step, nil))
	}
	list, err := d.Prune(t.Context(), true)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, Deletion{ID: "step-000000000001-g000001", Step: 1, Reasons: []string{"pinned"}}, list[0])
	require.NoError(t, d.Finish(t.Context()))
}

// TestTheBestIsNeverNaN, which compares with nothing, and so would stay the best.
func TestTheBestIsNeverNaN(t *testing.T) {
	for _, values := range [][]float64{{math.NaN(), 2, 1}, {1, math.NaN(), 2}, {2, 1, math.NaN()}} {
		l := newLoop(t, tensor.Float32, 1, adam())
		d := newOnDisk(t, l, Options{EverySteps: 1, KeepLast: 10})
		for i, v := range values {
			require.NoError(t, d.saves(int64(i+1), Metrics{"loss": v}))
		}
		for _, rank := range []struct {
			by   Ranking
			want float64
		}{{Lowest("loss"), 1}, {Highest("loss"), 2}} {
			c, err := d.Find(BestBy(rank.by))
			require.NoError(t, err)
			require.InDelta(t, rank.want, c.Metrics["loss"], 0)
		}
		require.NoError(t, d.Finish(t.Context()))
	}
}

// TestNaNIsNoReasonToSave, and no best that a worse number could beat.
func TestNaNIsNoReasonToSave(t *testing.T) {
	l := newLoop(t, tensor.Float32, 1, adam())
	d := newOnDisk(t, l, Options{EverySteps: 1000, KeepBest: Lowest("loss")})
	for i, v := range []float64{math.NaN(), 1, math.NaN(), 2, 0.5} {
		require.NoError(t, d.saves(int64(i+1), Metrics{"loss": v}))
	}
	require.Equal(t, []int64{2, 5}, d.steps())
	require.NoError(t, d.Close())
}
