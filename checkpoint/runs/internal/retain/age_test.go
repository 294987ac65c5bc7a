package retain

// These tests are of ages: over the life of a run, and by clocks that are wrong.

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	day   = 24 * time.Hour
	years = 3652 * day // ten of them
)

func TestTheYoungestThatIsOldEnoughStaysAndTheNextToBe(t *testing.T) {
	items := history(12) // noon to 13:50
	p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
	plan := p.Plan(items, noon.Add(111*time.Minute))
	require.Equal(t, "600 700 1100 1200", steps(itemsIn(plan.Keep)))
	require.Equal(t, "600 700 1100 1200", kept(p, items, noon.Add(110*time.Minute)), "an hour is enough")
	require.Equal(t, "at least 1h old", why(plan, 600))
	require.Equal(t, "the next to be 1h old", why(plan, 700))
	require.Empty(t, plan.Warnings)
}

func TestTheFirstIsKeptUntilItIsOldEnough(t *testing.T) {
	items := history(6)
	require.Equal(t, "100 500 600", kept(Policy{Last: 2, Ages: []time.Duration{time.Hour}}, items, end(items)))
}

// TestAPauseIsTime: a week later everything is old, and the youngest of it is enough.
func TestAPauseIsTime(t *testing.T) {
	items := history(6)
	require.Equal(t, "500 600", kept(Policy{Last: 2, Ages: []time.Duration{time.Hour, day}}, items, end(items).Add(7*day)))
}

// A life is a run that saves and prunes, with the true times of what is left of it.
type life struct {
	items []Item
	truth map[int64]time.Time
	now   time.Time // truly
	off   time.Duration
}

func (l *life) save(p Policy, step int64) {
	l.truth[step] = l.now
	l.items = append(l.items, Item{Generation: 1, Step: step, Time: l.now.Add(l.off)})
	l.items = itemsIn(p.Plan(l.items, l.now.Add(l.off)).Keep)
}

// youngestBeyond is the true age of the youngest that is at least so old; 0 if there is none.
func (l *life) youngestBeyond(age time.Duration) time.Duration {
	var found time.Duration
	for _, item := range l.items {
		if is := l.now.Sub(l.truth[item.Step]); is >= age {
			found = is
		}
	}
	return found
}

// TestThereAlwaysIsOneOldEnough: at every moment of a run, from the moment that is possible,
// one is an hour old and at most two, one is a day old and at most two, give or take a save;
// and never are there more than seven.
func TestThereAlwaysIsOneOldEnough(t *testing.T) {
	for _, mean := range []time.Duration{time.Minute, 10 * time.Minute, 3 * time.Hour} {
		rng := rand.New(rand.NewPCG(5, uint64(mean)))
		l := life{truth: map[int64]time.Time{}, now: noon}
		var longest time.Duration
		for step := int64(1); l.now.Before(noon.Add(5 * day)); step++ {
			gap := time.Duration(rng.ExpFloat64() * float64(mean))
			longest = max(longest, gap)
			l.now = l.now.Add(gap) // the moment just before the next save is the worst
			for _, age := range Default().Ages {
				if l.now.Sub(noon) < age+longest+mean || step == 1 {
					continue
				}
				is := l.youngestBeyond(age)
				require.GreaterOrEqual(t, is, age, "saves every %v, after %v", mean, l.now.Sub(noon))
				require.LessOrEqual(t, is, 2*age+2*longest, "saves every %v, after %v", mean, l.now.Sub(noon))
			}
			l.save(Default(), step)
			require.LessOrEqual(t, len(l.items), 7)
		}
	}
}

// TestThereAlwaysIsOneOldEnoughWhateverTheClockSays: it jumps by ten years a few times a
// day. Truly, one is still an hour old, and one a day. Each jump may cost seven more until a day
// passes without one, and after two such days it is as if there had never been one.
func TestThereAlwaysIsOneOldEnoughWhateverTheClockSays(t *testing.T) {
	for seed := range uint64(10) {
		rng := rand.New(rand.NewPCG(6, seed))
		l := life{truth: map[int64]time.Time{}, now: noon}
		quiet := noon.Add(8 * day)
		jumps, most := 0, 0
		for step := int64(1); l.now.Before(noon.Add(11 * day)); step++ {
			if l.now.Before(quiet) && rng.IntN(40) == 0 {
				l.off = time.Duration(rng.IntN(3)-1) * years
				jumps++
			}
			l.save(Default(), step)
			l.now = l.now.Add(10 * time.Minute)
			for _, age := range Default().Ages {
				if l.now.Sub(noon) > age+10*time.Minute {
					require.NotZero(t, l.youngestBeyond(age), "seed %d after %v", seed, l.now.Sub(noon))
				}
			}
			most = max(most, len(l.items))
			if l.now.After(quiet.Add(2*day + time.Hour)) {
				require.LessOrEqual(t, len(l.items), 7)
			}
		}
		require.LessOrEqual(t, most, 7*(jumps+1), "seed %d", seed)
	}
}

// TestAJumpKeepsWhatMayBeOldEnough: after it, nothing is known of the ages before, so none
// of those goes; when something saved since is old enough, they do.
func TestAJumpKeepsWhatMayBeOldEnough(t *testing.T) {
	for _, jump := range []time.Duration{years, -years} {
		items := history(12, func(items []Item) {
			for i := 6; i < 12; i++ {
				items[i].Time = items[i].Time.Add(jump)
			}
		})
		p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
		plan := p.Plan(items, end(items))
		require.Equal(t, "100 200 300 400 500 600 700 1100 1200", steps(itemsIn(plan.Keep)), jump)
		require.Equal(t, "perhaps at least 1h old: stored times are in doubt", why(plan, 300))
		require.Equal(t, jump < 0, len(plan.Warnings) == 1)
		require.Equal(t, "700 800 1100 1200", kept(p, items, noon.Add(jump+2*time.Hour+5*time.Minute)))
	}
}

// TestAPlanBeforeTheNewest: the clock was set back after the save.
func TestAPlanBeforeTheNewest(t *testing.T) {
	items := history(12)
	p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
	plan := p.Plan(items, noon.Add(-time.Hour))
	require.Empty(t, plan.Delete)
	require.Len(t, plan.Warnings, 1)
	require.Contains(t, plan.Warnings[0], "the clock says 2026-03-01T11:00:00Z, before the newest checkpoint, of step 1200 (2026-03-01T13:50:00Z)")
}

// TestOneFromTheFuture makes nothing else look ancient, and is no reason to wait for ten years.
func TestOneFromTheFuture(t *testing.T) {
	p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
	ahead := func(i int) []Item {
		return history(12, func(items []Item) { items[i].Time = items[i].Time.Add(years) })
	}
	require.Equal(t, "600 700 1100 1200", kept(p, ahead(2), noon.Add(119*time.Minute)))
	require.Empty(t, p.Plan(ahead(8), noon.Add(119*time.Minute)).Delete)
	require.Equal(t, "1000 1100 1200", kept(p, ahead(8), noon.Add(151*time.Minute)))
}

// TestOneFromThePast does not take the place of those that were saved before it: it seems to be
// old enough, they seem to be young.
func TestOneFromThePast(t *testing.T) {
	p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
	items := history(12, func(items []Item) { items[9].Time = items[9].Time.Add(-3 * time.Hour) })
	require.Equal(t, "100 200 300 400 500 600 700 800 900 1000 1100 1200", kept(p, items, noon.Add(111*time.Minute)))
	require.Equal(t, "1100 1200", kept(p, items, noon.Add(161*time.Minute)))
}

// TestAClockAheadForAWhile: five were stored ahead of time, by minutes or hours. The one that
// is truly an hour old stays at every moment.
func TestAClockAheadForAWhile(t *testing.T) {
	p := Policy{Last: 2, Ages: []time.Duration{time.Hour}}
	for ahead := 11 * time.Minute; ahead < 5*time.Hour; ahead += 7 * time.Minute {
		items := history(12, func(items []Item) {
			for i := range 5 {
				items[i].Time = items[i].Time.Add(ahead)
			}
		})
		for now := end(items); now.Before(noon.Add(7 * time.Hour)); now = now.Add(time.Minute) {
			requireNoneOf(t, p.Plan(history(12), now).Keep, p.Plan(items, now).Delete, "ahead by %v, at %v", ahead, now)
		}
	}
}
