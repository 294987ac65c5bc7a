package retain

// These tests are of random histories: against the second opinion, and of laws that need none.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A past is a random history as right clocks tell it, and as clocks that jump do. What is
// damaged is not in it, so there are gaps.
type past struct {
	right, wrong       []Item
	rightNow, wrongNow time.Time
}

// A jump changes by how much a clock is wrong.
type jump func(rng *rand.Rand, off time.Duration) time.Duration

// byYears sometimes sets a clock ten years ahead, ten years back, or right.
func byYears(rng *rand.Rand, off time.Duration) time.Duration {
	if rng.IntN(5) == 0 {
		return time.Duration(rng.IntN(3)-1) * years
	}
	return off
}

// byAnything sometimes changes a clock by seconds or weeks.
func byAnything(rng *rand.Rand, off time.Duration) time.Duration {
	if rng.IntN(5) == 0 {
		return off + time.Duration(rng.IntN(3)-1)*randomGap(rng)
	}
	return off
}

func randomPast(rng *rand.Rand, jumps jump) past {
	var p past
	now, off := noon, time.Duration(0)
	generation, step := uint64(1), int64(0)
	for range rng.IntN(16) {
		if rng.IntN(6) == 0 {
			generation += 1 + rng.Uint64N(2)
			step = max(0, step-rng.Int64N(300))
		}
		step += 1 + rng.Int64N(120)
		now, off = now.Add(randomGap(rng)), jumps(rng, off)
		item := Item{
			Generation: generation, Step: step, Time: now, Metrics: randomMetrics(rng),
			Pinned: rng.IntN(12) == 0, Held: rng.IntN(12) == 0, Verified: rng.IntN(4) == 0,
			Files: []Inode{{ID: rng.Uint64N(6), Bytes: 10}, {ID: 100 + uint64(len(p.right)), Bytes: rng.Int64N(20)}},
		}
		p.right = append(p.right, item)
		item.Time = now.Add(off)
		p.wrong = append(p.wrong, item)
	}
	p.rightNow = now.Add(randomGap(rng))
	p.wrongNow = p.rightNow.Add(jumps(rng, off))
	return p
}

// randomGap is from nothing to some weeks.
func randomGap(rng *rand.Rand) time.Duration {
	return time.Duration(rng.ExpFloat64() * math.Pow(10, 5*rng.Float64()) * float64(time.Second))
}

func randomMetrics(rng *rand.Rand) map[string]float64 {
	values := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, 1, 2, 3, 4, 5}
	m := map[string]float64{}
	for _, name := range []string{"acc", "loss"} {
		if rng.IntN(3) > 0 {
			m[name] = values[rng.IntN(len(values))]
		}
	}
	return m
}

func randomPolicy(rng *rand.Rand) Policy {
	p := Policy{Last: 2 + rng.IntN(3)}
	for _, name := range []string{"acc", "loss", "other"} {
		if rng.IntN(3) == 0 {
			p.Best = append(p.Best, Best{Metric: name, Lowest: rng.IntN(2) == 0, K: 1 + rng.IntN(3)})
		}
	}
	for _, age := range []time.Duration{time.Minute, time.Hour, day, 30 * day} {
		if rng.IntN(3) == 0 {
			p.Ages = append(p.Ages, age)
		}
	}
	if rng.IntN(3) == 0 {
		p.EverySteps = 1 + rng.Int64N(250)
	}
	return p
}

// TestRandomHistories: each is planned by right clocks and by wrong ones.
func TestRandomHistories(t *testing.T) {
	const parts = 4
	for part := range uint64(parts) {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			for seed := part; seed < histories; seed += parts {
				rng := rand.New(rand.NewPCG(12, seed))
				jumps := byYears
				if seed/parts%2 == 1 {
					jumps = byAnything
				}
				requireLaws(t, rng, randomPast(rng, jumps), fmt.Sprintf("seed %d", seed))
			}
		})
	}
}

func requireLaws(t *testing.T, rng *rand.Rand, past past, about string) {
	p := randomPolicy(rng)
	p.Every = time.Duration(rng.IntN(2)) * randomGap(rng)
	right := requireModel(t, p, past.right, past.rightNow, about)
	plan := requireModel(t, p, past.wrong, past.wrongNow, about)
	requireSafe(t, past.wrong, plan, about)
	if p.Every == 0 && past.shows() { // see TestOneStaysForEachWindowWhateverTheClockSays
		requireNoneOf(t, right.Keep, plan.Delete, about, "a wrong clock deletes nothing that a right one keeps")
	}

	left := without(past.wrong, plan.Delete, rng)
	requireNoneOf(t, plan.Keep, p.Plan(left, past.wrongNow).Delete, about, "a deletion cut short makes nothing else go")
	require.Empty(t, p.Plan(itemsIn(plan.Keep), past.wrongNow).Delete, about, "a plan leaves nothing to a second one")

	more := p.with(randomPolicy(rng))
	requireNoneOf(t, plan.Keep, more.Plan(past.wrong, past.wrongNow).Delete, about, "a further rule never deletes more")
}

// shows reports whether each change of the clock is by years, or back so far that the order of
// times shows it. Other changes look like faster or slower training.
func (p past) shows() bool {
	wrong, right := append(timesOf(p.wrong), p.wrongNow), append(timesOf(p.right), p.rightNow)
	for i := 1; i < len(wrong); i++ {
		gap := wrong[i].Sub(wrong[i-1])
		jump := (gap - right[i].Sub(right[i-1])).Abs()
		if jump != 0 && jump < years && gap >= 0 {
			return false
		}
	}
	return true
}

func timesOf(items []Item) []time.Time {
	times := make([]time.Time, len(items))
	for i, item := range items {
		times[i] = item.Time
	}
	return times
}

// requireModel compares a plan with the second opinion, whatever order the items come in.
func requireModel(t *testing.T, p Policy, items []Item, now time.Time, about string) Plan {
	t.Helper()
	plan := p.Plan(items, now)
	var keep, remove []Item
	for i, item := range items {
		if modelKeeps(p, items, now, i) {
			keep = append(keep, item)
		} else {
			remove = append(remove, item)
		}
	}
	require.Equal(t, steps(keep), steps(itemsIn(plan.Keep)), about)
	require.Equal(t, steps(remove), steps(itemsIn(plan.Delete)), about)
	return plan
}

// requireSafe states what any policy promises.
func requireSafe(t *testing.T, items []Item, plan Plan, about string) {
	t.Helper()
	require.Len(t, items, len(plan.Keep)+len(plan.Delete), about)
	if len(items) > 0 {
		require.Equal(t, keyOf(items[len(items)-1]), keyOf(plan.Keep[len(plan.Keep)-1].Item), about)
	}
	verified := func(v Verdict) bool { return v.Item.Verified }
	if !none(items, func(item Item) bool { return item.Verified }) {
		require.True(t, slices.ContainsFunc(plan.Keep, verified), about)
	}
	untouchable := func(item Item) bool { return item.Pinned || item.Held }
	require.True(t, none(itemsIn(plan.Delete), untouchable), about)
	unexplained := func(v Verdict) bool { return len(v.Reasons) == 0 }
	require.False(t, slices.ContainsFunc(slices.Concat(plan.Keep, plan.Delete), unexplained), about)
}

// without is the items less some of the deleted ones, in another order.
func without(items []Item, deleted []Verdict, rng *rand.Rand) []Item {
	gone := map[key]bool{}
	for _, v := range deleted {
		gone[keyOf(v.Item)] = rng.IntN(2) == 0
	}
	left := slices.DeleteFunc(slices.Clone(items), func(item Item) bool { return gone[keyOf(item)] })
	rng.Shuffle(len(left), func(i, j int) { left[i], left[j] = left[j], left[i] })
	return left
}

// with has the rules of both.
func (p Policy) with(q Policy) Policy {
	p.Last = max(p.Last, q.Last)
	p.Best = slices.Concat(p.Best, q.Best)
	p.Ages = slices.Concat(p.Ages, q.Ages)
	if p.EverySteps == 0 {
		p.EverySteps = q.EverySteps
	}
	return p
}

// TestRandomHistoriesWithoutRoom: there is room afterwards, or only what never goes and what
// costs nothing beside it is left; and what goes for lack of room was kept for a reason.
func TestRandomHistoriesWithoutRoom(t *testing.T) {
	for seed := range histories / 10 {
		rng := rand.New(rand.NewPCG(13, seed))
		past, p := randomPast(rng, byAnything), randomPolicy(rng)
		p.Every = time.Duration(rng.IntN(2)) * randomGap(rng)
		about := fmt.Sprintf("seed %d", seed)
		roomy := p.Plan(past.wrong, past.wrongNow)
		p.MaxBytes = 1 + rng.Int64N(200)
		plan := p.Plan(past.wrong, past.wrongNow)

		requireSafe(t, past.wrong, plan, about)
		requireNoneOf(t, plan.Keep, roomy.Delete, about, "a limit keeps nothing")
		require.Empty(t, p.Plan(itemsIn(plan.Keep), past.wrongNow).Delete, about)
		require.Equal(t, plan.Bytes, bytesOf(plan.Keep), about)
		if roomy.Bytes <= p.MaxBytes {
			require.Equal(t, roomy, plan, about)
		}
		if plan.Bytes > p.MaxBytes {
			var never []Verdict
			for i, v := range plan.Keep {
				newest := none(itemsIn(plan.Keep[i+1:]), func(o Item) bool { return o.Verified })
				if i == len(plan.Keep)-1 || v.Item.Pinned || v.Item.Held || v.Item.Verified && newest {
					never = append(never, v)
				}
			}
			require.Equal(t, plan.Bytes, bytesOf(never), about)
		}
	}
}

func bytesOf(verdicts []Verdict) (sum int64) {
	sizes := map[uint64]int64{}
	for _, v := range verdicts {
		for _, f := range v.Item.Files {
			sizes[f.ID] = f.Bytes
		}
	}
	for _, n := range sizes {
		sum += n
	}
	return sum
}

// TestOneStaysForEachWindowWhateverTheClockSays: for each that a right clock keeps, a wrong one
// keeps that or one from at most a window before.
func TestOneStaysForEachWindowWhateverTheClockSays(t *testing.T) {
	for seed := range histories / 5 {
		rng := rand.New(rand.NewPCG(14, seed))
		past := randomPast(rng, byYears)
		p := Policy{Last: 2, Every: 1 + randomGap(rng)}
		truth := map[key]time.Time{}
		for _, item := range past.right {
			truth[keyOf(item)] = item.Time
		}
		wrong := p.Plan(past.wrong, past.wrongNow)
		for _, v := range p.Plan(past.right, past.rightNow).Keep {
			require.True(t, slices.ContainsFunc(wrong.Keep, func(w Verdict) bool {
				before := v.Item.Time.Sub(truth[keyOf(w.Item)])
				return before >= 0 && before < p.Every
			}), "seed %d, step %d", seed, v.Item.Step)
		}
	}
}
