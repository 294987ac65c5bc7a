package retain

// These tests are of room on disk.

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestTheLowestGoFirst: what is kept by the archive, then by age, by metric, as one of the last.
func TestTheLowestGoFirst(t *testing.T) {
	items := history(10, scores("m", 1.0, 9.0, 8.0, 1.0))
	p := Policy{
		Last: 3, Best: []Best{{Metric: "m", K: 2}}, EverySteps: 500,
		Ages: []time.Duration{time.Hour},
	}
	for _, c := range []struct {
		bytes int64
		want  string
	}{
		{0, "200 300 400 500 800 900 1000"}, // 500: every 500 steps, and the next to be 1h old
		{70, "200 300 400 500 800 900 1000"},
		{69, "200 300 500 800 900 1000"},
		{59, "200 300 800 900 1000"},
		{49, "200 800 900 1000"},
		{39, "800 900 1000"},
		{29, "900 1000"},
		{19, "1000"},
		{1, "1000"},
	} {
		p.MaxBytes = c.bytes
		plan := p.Plan(items, noon.Add(95*time.Minute))
		require.Equal(t, c.want, steps(itemsIn(plan.Keep)), "%d bytes", c.bytes)
		require.Len(t, plan.Keep, int(plan.Bytes/10))
		require.EqualValues(t, 100, plan.Bytes+plan.Freed)
		require.Equal(t, c.bytes == 1, len(plan.Warnings) == 1, plan.Warnings)
	}
}

func TestWhatNeverGoesStaysWithoutRoomAndIsWarnedOf(t *testing.T) {
	items := history(5)
	items[0].Pinned = true
	items[1].Held = true
	items[2].Verified = true
	plan := Policy{Last: 3, MaxBytes: 25}.Plan(items, end(items))
	require.Equal(t, "100 200 300 500", steps(itemsIn(plan.Keep)))
	require.Len(t, plan.Warnings, 1)
	require.Contains(t, plan.Warnings[0], "40 bytes are kept, more than the limit of 25")
	require.Equal(t, "beyond 25 bytes; else kept: last 3", why(plan, 400))
}

// TestLinkedFilesCountOnce: what shares its bytes with something that stays costs nothing, and
// its deletion would free nothing.
func TestLinkedFilesCountOnce(t *testing.T) {
	items := history(4)
	for i := range items {
		items[i].Files = []Inode{{ID: 77, Bytes: 1000}, {ID: uint64(i), Bytes: 10}}
	}
	plan := Policy{Last: 4, MaxBytes: 1030}.Plan(items, end(items))
	require.Equal(t, "200 300 400", steps(itemsIn(plan.Keep)))
	require.EqualValues(t, 1030, plan.Bytes)
	require.EqualValues(t, 10, plan.Freed)

	items[0].Files = items[3].Files
	require.Equal(t, "100 300 400", kept(Policy{Last: 4, MaxBytes: 1020}, items, end(items)))
}

// TestASmallOneDoesNotTakeTheRoomOfALargeOne that is worth more.
func TestASmallOneDoesNotTakeTheRoomOfALargeOne(t *testing.T) {
	items := history(4)
	items[2].Files[0].Bytes = 1000
	require.Equal(t, "400", kept(Policy{Last: 4, MaxBytes: 100}, items, end(items)))
}

// TestDeletionsAreInOrder, whatever each is for.
func TestDeletionsAreInOrder(t *testing.T) {
	items := history(7)
	p := Policy{Last: 2, EverySteps: 200, MaxBytes: 30}
	require.Equal(t, "100 200 300 500", steps(itemsIn(p.Plan(items, end(items)).Delete)))
}

func TestAbsurdSizesDoNotWrap(t *testing.T) {
	items := history(3)
	for i := range items {
		items[i].Files = []Inode{
			{ID: uint64(10 * i), Bytes: math.MaxInt64}, {ID: uint64(10*i + 1), Bytes: math.MaxInt64}, {ID: uint64(10*i + 2), Bytes: -5},
		}
	}
	plan := Policy{Last: 3, MaxBytes: 1 << 40}.Plan(items, end(items))
	require.Equal(t, "300", steps(itemsIn(plan.Keep)))
	require.Equal(t, int64(math.MaxInt64), plan.Bytes)
	require.GreaterOrEqual(t, plan.Freed, int64(0))

	items = history(2)
	items[0].Files[0].Bytes = -5
	require.EqualValues(t, 10, Policy{Last: 2}.Plan(items, noon).Bytes)
}
