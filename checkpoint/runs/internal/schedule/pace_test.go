package schedule

// These tests are of time: after how much of it a save is due, and what that costs a run.

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// interval is the wait after a number of saves of the same cost.
func interval(t *testing.T, r Rules, saves int, cost time.Duration) time.Duration {
	t.Helper()
	s := begin(t, r, 0)
	now := noon
	for i := range saves {
		now = now.Add(s.Next(now).Left)
		_, ok := s.Due(int64(i+1), now.Add(-time.Nanosecond))
		require.False(t, ok, "a moment before")
		_, ok = s.Due(int64(i+1), now)
		require.True(t, ok, "at the moment foretold")
		s.Saved(int64(i+1), now, cost)
	}
	return s.Next(now).Interval
}

func TestTheWaitPaysForTheSave(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		cost  time.Duration
		want  time.Duration
	}{
		{Rules{}, 2 * time.Second, 200 * time.Second},
		{Rules{}, time.Millisecond, time.Minute},
		{Rules{}, time.Minute, 10 * time.Minute},
		{Rules{}, 0, time.Minute},
		{Rules{}, -time.Second, time.Minute},
		{Rules{}, math.MaxInt64, 10 * time.Minute},
		{Rules{Budget: 0.1}, 20 * time.Second, 200 * time.Second},
		{Rules{Budget: 1e-300}, time.Second, 10 * time.Minute},
		{Rules{Max: time.Hour}, 20 * time.Second, 2000 * time.Second},
		{Rules{Max: math.MaxInt64}, math.MaxInt64, math.MaxInt64},
		{Rules{Min: 20 * time.Minute}, time.Second, 20 * time.Minute},
		{Rules{Max: time.Second}, 0, time.Second},
		{Rules{Min: time.Second}, 20 * time.Millisecond, 2 * time.Second},
		{Rules{Every: 3 * time.Minute}, time.Hour, 3 * time.Minute},
		{Rules{Every: 3 * time.Minute, Max: time.Hour}, time.Second, 100 * time.Second},
		{Rules{Every: 3 * time.Minute, Max: time.Hour}, time.Minute, 3 * time.Minute},
		{Rules{EverySteps: 10}, time.Second, 0},
	} {
		saves := 5
		if c.rules.EverySteps > 0 || c.rules.Max == math.MaxInt64 {
			saves = 0
		}
		if saves == 0 && c.want > 0 {
			s := begin(t, c.rules, 0)
			s.Saved(1, noon, c.cost)
			require.Equal(t, c.want, s.Next(noon).Interval, "%+v", c)
			continue
		}
		require.InDelta(t, c.want, interval(t, c.rules, saves, c.cost), float64(time.Millisecond), "%+v", c)
	}
}

// TestOneSlowSaveChangesLittle: one that takes twenty times as long makes the next wait not
// twenty times longer, but the time comes back over the next ones.
func TestOneSlowSaveChangesLittle(t *testing.T) {
	s := begin(t, Rules{Max: 24 * time.Hour}, 0)
	now, step, total := noon, int64(0), time.Duration(0)
	save := func(cost time.Duration) time.Duration {
		wait := s.Next(now).Left
		now = now.Add(wait)
		step++
		s.Saved(step, now, cost)
		total += cost
		return wait
	}
	for range 20 {
		save(time.Second)
	}
	save(20 * time.Second)
	require.Less(t, save(time.Second), 8*100*time.Second)
	for range 40 {
		save(time.Second)
	}
	require.InDelta(t, 100*time.Second, save(time.Second), float64(10*time.Second))
	require.LessOrEqual(t, float64(total), 0.0101*float64(now.Sub(noon)))
}

// TestWhatBecomesKnownLaterCounts: 0.1 s were blocked, 1.9 s more were lost to the writing.
func TestWhatBecomesKnownLaterCounts(t *testing.T) {
	s := begin(t, Rules{}, 0)
	s.Saved(1, noon, 100*time.Millisecond)
	require.Equal(t, time.Minute, s.Next(noon).Interval)
	s.Cost(1900 * time.Millisecond)
	s.Cost(-time.Hour)
	f := s.Next(noon.Add(time.Minute))
	require.Equal(t, Forecast{
		Interval: 200 * time.Second, Left: 140 * time.Second, AtRisk: time.Minute, Cost: 2 * time.Second,
		Why: "every 3m20s, for a save costs 2s of training, 1 % of it",
	}, f)
}

func TestTheForecastSaysWhatForcesIt(t *testing.T) {
	s := begin(t, Rules{EverySteps: 500, Every: time.Hour, Budget: 0.01}, 120)
	s.Saved(130, noon, 20*time.Second)
	f := s.Next(noon)
	require.True(t, f.Forced)
	require.EqualValues(t, 500, f.Step)
	require.Equal(t, "every 500 steps; every 1h0m0s; every 10m0s, for a save costs 20s of training, 3.3 % of it: "+
		"more than 1 %, but no longer wait is allowed", f.Why)
}

// A day is what a simulated one amounts to.
type day struct {
	lost, total time.Duration
	owed        time.Duration // of lost, to be made up for after the end
	longest     time.Duration // between two saves
	step        time.Duration // the longest
	forced      bool
}

// simulate trains for 24 hours, with steps and costs from two functions.
func simulate(t *testing.T, r Rules, step, cost func() time.Duration) day {
	t.Helper()
	s := begin(t, r, 0)
	var d day
	now, last := noon, noon
	for n := int64(1); d.total < 24*time.Hour; n++ {
		took := step()
		d.step = max(d.step, took)
		now = now.Add(took)
		if _, ok := s.Due(n, now); ok {
			d.longest = max(d.longest, now.Sub(last))
			c := cost()
			last = now
			s.Saved(n, now, c/4)
			now = now.Add(c)
			s.Cost(c - c/4)
			d.lost += c
		}
		d.forced = d.forced || s.Next(now).Forced
		d.total = now.Sub(noon)
	}
	d.owed = s.pace.owed
	return d
}

// TestADayKeepsToTheBudget with steps and costs that vary, and says so when it cannot.
func TestADayKeepsToTheBudget(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	around := func(mean time.Duration) func() time.Duration {
		return func() time.Duration { return time.Duration(rng.ExpFloat64() * float64(mean)) }
	}
	spiky := func(usual, spike time.Duration, every int) func() time.Duration {
		n := 0
		return func() time.Duration {
			if n++; n%every == 0 {
				return spike
			}
			return usual
		}
	}
	drifting := func() func() time.Duration {
		c := 200 * time.Millisecond
		return func() time.Duration {
			c = min(c+c/20, 4*time.Second)
			return c
		}
	}
	cases := map[string]struct {
		rules      Rules
		step, cost func() time.Duration
	}{
		"cheap":            {Rules{}, around(time.Second), around(10 * time.Millisecond)},
		"typical":          {Rules{}, around(time.Second), around(2 * time.Second)},
		"slow steps":       {Rules{}, around(40 * time.Second), around(2 * time.Second)},
		"outliers":         {Rules{}, around(time.Second), spiky(time.Second, 20*time.Second, 20)},
		"rare long ones":   {Rules{}, around(time.Second), spiky(time.Second, 2*time.Minute, 100)},
		"growing":          {Rules{}, around(time.Second), drifting()},
		"narrow":           {Rules{Budget: 0.001, Max: time.Hour}, around(time.Second), around(time.Second)},
		"wide":             {Rules{Budget: 0.2, Min: time.Second}, around(time.Second), around(2 * time.Second)},
		"much too costly":  {Rules{}, around(time.Second), around(30 * time.Second)},
		"sometimes costly": {Rules{}, around(time.Second), spiky(2*time.Second, 5*time.Minute, 3)},
	}
	for _, name := range slices.Sorted(maps.Keys(cases)) {
		c := cases[name]
		d := simulate(t, c.rules, c.step, c.cost)
		r := c.rules.withDefaults()
		over := float64(d.lost) > r.Budget*float64(d.total)+float64(d.owed)
		require.Equal(t, strings.HasSuffix(name, "costly"), over, name)
		require.True(t, d.forced || !over, name)
		require.LessOrEqual(t, d.longest, r.Max+d.step, name)
	}
}

// TestCheapTimesAreNotSpentLater: after hours of saves that cost next to nothing, the budget still
// holds for each hour that follows.
func TestCheapTimesAreNotSpentLater(t *testing.T) {
	s := begin(t, Rules{}, 0)
	now := noon
	var lost time.Duration
	for step := int64(1); now.Before(noon.Add(11 * time.Hour)); step++ {
		now = now.Add(time.Second)
		if _, ok := s.Due(step, now); !ok {
			continue
		}
		cost := time.Millisecond
		if now.After(noon.Add(10 * time.Hour)) {
			cost = 3 * time.Second
			lost += cost
		}
		s.Saved(step, now, cost)
	}
	require.LessOrEqual(t, lost, 60*time.Second)
}

// TestAStretchThatWasForcedIsNotPaidForLater: when saves get cheap again they come often again.
func TestAStretchThatWasForcedIsNotPaidForLater(t *testing.T) {
	s := begin(t, Rules{}, 0)
	now, step := noon, int64(0)
	save := func(cost time.Duration) {
		now = now.Add(s.Next(now).Left)
		step++
		s.Saved(step, now, cost)
	}
	for range 100 {
		save(time.Minute)
	}
	for range 60 {
		save(100 * time.Millisecond)
	}
	require.Less(t, s.Next(now).Interval, 2*time.Minute)
}

// TestADebtIsForgotten: it is of saves now and then that are far too slow.
func TestADebtIsForgotten(t *testing.T) {
	s := begin(t, Rules{}, 0)
	now := noon
	for step := range int64(130) {
		now = now.Add(s.Next(now).Left)
		cost := 100 * time.Millisecond
		if step < 100 && step%3 == 0 {
			cost = 5 * time.Minute
		}
		s.Saved(step+1, now, cost)
	}
	require.Less(t, s.Next(now).Interval, 2*time.Minute)
}

func TestEveryIsSinceTheLastSave(t *testing.T) {
	s := begin(t, Rules{Every: 10 * time.Minute}, 0)
	_, ok := s.Due(1, noon.Add(10*time.Minute-1))
	require.False(t, ok)
	s.Saved(1, noon.Add(5*time.Minute), 0)
	_, ok = s.Due(2, noon.Add(15*time.Minute-1))
	require.False(t, ok)
	_, ok = s.Due(2, noon.Add(15*time.Minute))
	require.True(t, ok)
}

// TestAClockThatIsSetBackLosesOnlyThat: without monotonic readings, what was counted stays counted.
func TestAClockThatIsSetBackLosesOnlyThat(t *testing.T) {
	s := begin(t, Rules{Every: 10 * time.Minute}, 0)
	s.Due(1, noon.Add(6*time.Minute))
	back := noon.Add(-100_000 * time.Hour)
	_, ok := s.Due(2, back)
	require.False(t, ok)
	_, ok = s.Due(3, back.Add(4*time.Minute-1))
	require.False(t, ok)
	_, ok = s.Due(4, back.Add(4*time.Minute))
	require.True(t, ok)
	s.Saved(4, back, 0)
	_, ok = s.Due(5, noon)
	require.True(t, ok, "ahead again: better one save too many")
	far := noon.Add(math.MaxInt64)
	s.Due(6, far)
	_, ok = s.Due(7, far.Add(math.MaxInt64))
	require.True(t, ok)
}

// TestTimesOfThisProcess have a monotonic reading, as those of the other tests have not.
func TestTimesOfThisProcess(t *testing.T) {
	start := time.Now()
	s, err := New(Rules{Every: 10 * time.Minute}, 0, start)
	require.NoError(t, err)
	_, ok := s.Due(1, start.Add(10*time.Minute-1))
	require.False(t, ok)
	_, ok = s.Due(1, start.Add(10*time.Minute))
	require.True(t, ok)
}

func TestAskingAllocatesNothing(t *testing.T) {
	s := begin(t, Rules{EverySteps: 1000, At: []int64{5000}, GrowStart: 100_000, Every: time.Hour, Budget: 0.01}, 0)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Due(7, noon) }))
}
