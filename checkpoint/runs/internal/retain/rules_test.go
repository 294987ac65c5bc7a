package retain

// These tests are of each rule by itself, as examples.

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestNothingIsNoPlan(t *testing.T) {
	p := Default()
	p.Best = []Best{{Metric: "loss", K: 1}}
	require.Equal(t, Plan{}, p.Plan(nil, noon))
}

func TestTheLastStay(t *testing.T) {
	items := history(5)
	plan := Policy{Last: 2}.Plan(items, end(items))
	require.Equal(t, "400 500", steps(itemsIn(plan.Keep)))
	require.Equal(t, "100 200 300", steps(itemsIn(plan.Delete)))
	require.Equal(t, "last 2", why(plan, 400))
	require.Equal(t, "newest; last 2", why(plan, 500))
	require.Equal(t, "no rule keeps it", why(plan, 100))
	require.Empty(t, plan.Warnings)
	require.Equal(t, "100 200", kept(Policy{Last: 9}, history(2), noon))
}

// TestThePlanIsOfStoredTimes: what was just committed has a reading of another clock beside its time, which
// those that were read back lack.
func TestThePlanIsOfStoredTimes(t *testing.T) {
	items := []Item{{Step: 1, Time: time.Now()}}
	plan := Default().Plan(items, time.Now())
	require.NotContains(t, plan.Keep[0].Item.Time.String(), "m=")
	require.Contains(t, items[0].Time.String(), "m=")
}

func TestThePlanLeavesTheItemsAsTheyAre(t *testing.T) {
	items := history(5)
	slices.Reverse(items)
	before := slices.Clone(items)
	require.Equal(t, "400 500", kept(Policy{Last: 2}, items, noon.Add(time.Hour)))
	require.Equal(t, before, items)
}

// TestTheOrderIsGenerationThenStep: after going back to 200, 300 of the second generation is newer
// than 400 of the first, whatever their times.
func TestTheOrderIsGenerationThenStep(t *testing.T) {
	items := history(6)
	items[5], items[0] = items[0], items[5]
	items[5].Generation, items[5].Step, items[5].Time = 2, 300, noon.Add(-time.Hour)
	require.Equal(t, "500 600 300g2", kept(Policy{Last: 3}, items, noon))
}

func TestPinnedHeldAndVerifiedStay(t *testing.T) {
	items := history(8)
	items[0].Pinned = true
	items[1].Held = true
	items[2].Verified = true
	items[3].Verified = true
	plan := Policy{Last: 2}.Plan(items, end(items))
	require.Equal(t, "100 200 400 700 800", steps(itemsIn(plan.Keep)))
	require.Equal(t, "pinned", why(plan, 100))
	require.Equal(t, "being read", why(plan, 200))
	require.Equal(t, "newest verified", why(plan, 400))

	items[7].Verified = true
	require.Equal(t, "100 200 700 800", kept(Policy{Last: 2}, items, end(items)))
}

func TestTheBestStay(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	for _, c := range []struct {
		name   string
		values []any
		best   Best
		want   string // without the last two
	}{
		{"lowest", []any{3.0, 1.0, 2.0, 4.0}, Best{Lowest: true, K: 2}, "200 300"},
		{"highest", []any{3.0, 1.0, 2.0, 4.0}, Best{K: 2}, "100 400"},
		{"NaN takes no place", []any{nan, 1.0, nan, 2.0}, Best{Lowest: true, K: 3}, "200 400"},
		{"NaN alone keeps nothing", []any{nan, nan, nan, nan}, Best{K: 2}, ""},
		{"no number takes no place", []any{nil, 5.0, nil, nil}, Best{K: 2}, "200"},
		{"infinities are numbers", []any{inf, 1.0, -inf, 2.0}, Best{Lowest: true, K: 1}, "300"},
		{"and come before nothing", []any{inf, nan, nil, nan}, Best{Lowest: true, K: 2}, "100"},
		{"the earlier of equal ones", []any{7.0, 1.0, 1.0, 1.0}, Best{Lowest: true, K: 2}, "200 300"},
		{"zeros are equal", []any{0.0, math.Copysign(0, -1), 1.0, 1.0}, Best{Lowest: true, K: 1}, "100"},
	} {
		c.best.Metric = "m"
		items := history(6, scores("m", c.values...))
		got := kept(Policy{Last: 2, Best: []Best{c.best}}, items, end(items))
		if c.want != "" {
			c.want += " "
		}
		require.Equal(t, c.want+"500 600", got, c.name)
	}
}

// TestAStepIsBestOnce: the new head after going back is the same state under another name.
func TestAStepIsBestOnce(t *testing.T) {
	items := history(6, scores("m", 5.0, 1.0, 1.0, 2.0))
	items[2].Generation, items[2].Step = 2, 200
	for i := 3; i < 6; i++ {
		items[i].Generation = 2
	}
	p := Policy{Last: 2, Best: []Best{{Metric: "m", Lowest: true, K: 2}}}
	require.Equal(t, "200 400g2 500g2 600g2", kept(p, items, end(items)))
}

func TestReasonsGiveTheNumber(t *testing.T) {
	items := history(4, scores("val_loss", 0.5, 0.123, 0.4))
	plan := Policy{Last: 2, Best: []Best{{Metric: "val_loss", Lowest: true, K: 1}, {Metric: "val_loss", K: 1}}}.Plan(items, end(items))
	require.Equal(t, "best 1 by lowest val_loss: 0.123", why(plan, 200))
	require.Equal(t, "best 1 by highest val_loss: 0.5", why(plan, 100))
}

func TestAMetricThatNothingHasIsWarnedOf(t *testing.T) {
	p := Policy{Last: 2, Best: []Best{{Metric: "val_los", K: 1}}}
	require.Equal(t, []string{`no checkpoint has the metric "val_los", so none is kept for it; there are: acc, val_loss`},
		p.Plan(history(2, scores("val_loss", 1.0), scores("acc", nil, 1.0)), noon.Add(time.Hour)).Warnings)
	require.Contains(t, p.Plan(history(2), noon.Add(time.Hour)).Warnings[0], "there are: none")
	require.Empty(t, p.Plan(history(2, scores("val_los", math.NaN())), noon.Add(time.Hour)).Warnings)
}

// TestMultiplesStay: the first at or past each, so 450 is for 400, and 730 for 600 and 700.
func TestMultiplesStay(t *testing.T) {
	items := history(8)
	for i, step := range []int64{0, 50, 200, 250, 450, 499, 730, 740} {
		items[i].Step = step
	}
	p := Policy{Last: 2, EverySteps: 100}
	require.Equal(t, "200 450 730 740", kept(p, items, end(items)))
	require.Equal(t, "every 100 steps", why(p.Plan(items, end(items)), 450))
}

func TestOneStaysInEachWindow(t *testing.T) {
	items := history(10) // noon to 13:30
	p := Policy{Last: 2, Every: time.Hour}
	require.Equal(t, "100 700 900 1000", kept(p, items, end(items)))
	require.Equal(t, "every 1h", why(p.Plan(items, end(items)), 700))
	items[0].Time = time.Time{}
	require.Equal(t, "100 200 700 900 1000", kept(p, items, end(items)))
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{
		time.Hour: "1h", 24 * time.Hour: "24h", 90 * time.Minute: "1h30m", 10 * time.Minute: "10m",
		20 * time.Second: "20s", time.Hour + 20*time.Second: "1h0m20s", 1500 * time.Millisecond: "1.5s",
	} {
		require.Equal(t, want, short(d))
	}
}
