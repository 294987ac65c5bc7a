package main

import (
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fixed(d time.Duration) func(context.Context, int) (time.Duration, error) {
	return func(_ context.Context, calls int) (time.Duration, error) { return d * time.Duration(calls), nil }
}

func TestMeasureTakesTurns(t *testing.T) {
	const rounds = 5
	var order []int
	rows := make([]*row, 4)
	for i := range rows {
		rows[i] = &row{run: func(context.Context, int) (time.Duration, error) {
			order = append(order, i)
			return time.Duration(len(order)), nil
		}}
	}
	require.NoError(t, measure(t.Context(), rows, rounds, io.Discard))

	orders := map[string]bool{}
	for round := range slices.Chunk(order, len(rows)) {
		require.ElementsMatch(t, []int{0, 1, 2, 3}, round, "each round has every row once")
		orders[string([]byte{byte(round[0]), byte(round[1]), byte(round[2])})] = true
	}
	require.Greater(t, len(orders), 1, "rounds have different orders")
	for _, r := range rows {
		require.Len(t, r.samples, rounds)
		require.Greater(t, r.least(), time.Duration(len(rows)), "the warm-up is not counted")
	}
}

// TestMeasureChecks: what a row is to fill is cleared, and looked at; what a sample
// leaves is always removed.
func TestMeasureChecks(t *testing.T) {
	for _, few := range []int{0, 2} {
		var calls []string
		step := func(name string) func() error {
			return func() error { calls = append(calls, name); return nil }
		}
		r := &row{few: few, blank: step("blank"), clean: step("clean")}
		r.run = func(context.Context, int) (time.Duration, error) { return 1, step("run")() }
		r.check = func(context.Context) error { return step("check")() }
		require.NoError(t, measure(t.Context(), []*row{r}, 2, io.Discard))
		require.Len(t, r.samples, 2)

		want := []string{"blank", "run", "check", "clean", "run", "clean", "run", "clean"}
		if few > 0 { // no warm-up; each is checked
			want = []string{"blank", "run", "check", "clean", "blank", "run", "check", "clean"}
		}
		require.Equal(t, want, calls)
	}
}

func TestMeasureFew(t *testing.T) {
	r := &row{few: 2, run: fixed(1)}
	require.NoError(t, measure(t.Context(), []*row{r}, 5, io.Discard))
	require.Len(t, r.samples, 2)
}

func TestMeasureFails(t *testing.T) {
	wrong := errors.New("wrong bytes")
	r := &row{group: "save", name: "ours", run: fixed(1), check: func(context.Context) error { return wrong }}
	err := measure(t.Context(), []*row{r}, 1, io.Discard)
	require.ErrorIs(t, err, wrong)
	require.ErrorContains(t, err, "save: ours: ")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, measure(ctx, []*row{{run: fixed(1)}}, 1, io.Discard), context.Canceled)
}

func TestShortCallsRepeat(t *testing.T) {
	for _, c := range []struct {
		one   time.Duration
		calls int
	}{
		{0, 2000},
		{time.Microsecond, 2000},
		{time.Millisecond, 21},
		{time.Second, 1},
	} {
		r := &row{repeat: true, run: fixed(c.one)}
		require.NoError(t, measure(t.Context(), []*row{r}, 3, io.Discard))
		require.Equal(t, c.calls, r.calls, c.one)
		require.Equal(t, c.one, r.median(), "a sample is of one call")
	}
}

func TestMedian(t *testing.T) {
	require.Equal(t, time.Duration(3), (&row{samples: []time.Duration{9, 3, 1}}).median())
	require.Equal(t, time.Duration(4), (&row{samples: []time.Duration{9, 5, 3, 1}}).median())
	require.Equal(t, time.Duration(1), (&row{samples: []time.Duration{9, 5, 3, 1}}).least())
}

// TestAllocationsAreOfOneCall: those of a sample are shared out among its calls.
func TestAllocationsAreOfOneCall(t *testing.T) {
	var sink [][]byte
	r := &row{counted: true, calls: 10, run: timed(func(context.Context) error {
		sink = append(sink[:0], make([]byte, 100), make([]byte, 200), make([]byte, 300))
		return nil
	})}
	require.NoError(t, measure(t.Context(), []*row{r}, 3, io.Discard))
	require.Equal(t, uint64(3), r.allocs)
	require.Len(t, sink, 3)
}
