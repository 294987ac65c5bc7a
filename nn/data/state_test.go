package data_test

import (
	"context"
	"log/slog"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/nn/data"
)

// What cannot be dealt out is an error that says why.
func TestBadSettings(t *testing.T) {
	for _, c := range []struct {
		rows, batch int
		o           *data.Options
		want        string
	}{
		{0, 1, nil, "0 rows in batches of 1"},
		{-5, 1, nil, "-5 rows"},
		{1, 0, nil, "batches of 0"},
		{10, 2, &data.Options{World: -1}, "rank 0 of -1"},
		{10, 2, &data.Options{World: 2, Rank: 2}, "rank 2 of 2"},
		{10, 2, &data.Options{World: 2, Rank: -1}, "rank -1 of 2"},
		{10, 2, &data.Options{World: 3}, "10 rows cannot be divided equally among 3"},
		{10, 4, &data.Options{World: 3, DropLast: true}, "10 rows make no whole batch of 4 for each of 3"},
		{10, math.MaxInt, &data.Options{World: 2}, "too many"},
	} {
		s, err := data.NewSampler(c.rows, c.batch, c.o)
		require.ErrorContains(t, err, c.want)
		require.Nil(t, s)
	}
}

// A batch larger than the data is all of it.
func TestFewRows(t *testing.T) {
	s, err := data.NewSampler(2, 5, nil)
	require.NoError(t, err)
	require.Equal(t, 1, s.Steps())
	require.ElementsMatch(t, []int{0, 1}, s.Next())
	require.Equal(t, int64(1), s.Epoch())
}

const saved = `{"rows":10,"batch":4,"seed":3,"sequential":false,"drop_last":false,"epoch":5,"step":1}`

// A position of other batches, or none at all, is an error, and the sampler stays where it is.
func TestPositionIsStrict(t *testing.T) {
	s, err := data.NewSampler(10, 4, &data.Options{Seed: 3})
	require.NoError(t, err)
	require.NoError(t, s.UnmarshalJSON([]byte(saved)))
	raw, err := s.MarshalJSON()
	require.NoError(t, err)
	require.JSONEq(t, saved, string(raw))
	for state, want := range map[string]string{
		`{"rows":11,"batch":5,"seed":3,"sequential":false,"drop_last":false,"epoch":5,"step":1}`:          "rows was 11 and is 10, batch was 5 and is 4",
		`{"rows":10,"batch":4,"seed":4,"sequential":true,"drop_last":true,"epoch":5,"step":1}`:            "seed was 4 and is 3, sequential was true and is false, drop_last was true",
		`{"rows":10,"batch":4,"seed":3,"sequential":false,"drop_last":false,"epoch":5,"step":3}`:          "step 3 of epoch 5",
		`{"rows":10,"batch":4,"seed":3,"sequential":false,"drop_last":false,"epoch":-1,"step":0}`:         "step 0 of epoch -1",
		`{"rows":10,"batch":4,"seed":3,"sequential":false,"drop_last":false,"epoch":1,"step":0,"rank":1}`: `unknown field "rank"`,
		`{"rows":10,"batch":4,"seed":3,"sequential":false,"drop_last":false,"epoch":1.5,"step":0}`:        "1.5",
		`{}`: "rows was 0",
		`[]`: "array",
	} {
		require.ErrorContains(t, s.UnmarshalJSON([]byte(state)), want)
		raw, err = s.MarshalJSON()
		require.NoError(t, err)
		require.JSONEq(t, saved, string(raw))
	}
	require.Error(t, s.Resume(0, 3))
	require.Error(t, s.Resume(-1, 0))
	require.NoError(t, s.Resume(7, 2))
	require.Equal(t, int64(7), s.Epoch())
	require.Equal(t, 2, s.Step())
}

// A run of package runs saves the position, and a new process goes on from it.
func TestInARun(t *testing.T) {
	ctx, dir := context.Background(), t.TempDir()
	process := func(work func(*runs.Run, *data.Sampler)) {
		s, err := data.NewSampler(10, 3, &data.Options{Seed: 1 << 63})
		require.NoError(t, err)
		run, err := runs.Open(dir, &runs.Options{Log: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		defer func() { require.NoError(t, run.Close()) }()
		_, err = run.Restore(ctx, runs.State("data", s))
		require.NoError(t, err)
		work(run, s)
	}
	var want [][]int
	process(func(run *runs.Run, s *data.Sampler) {
		take(s, 6)
		require.NoError(t, run.Save(ctx, 6, nil))
		want = take(s, 9)
	})
	process(func(_ *runs.Run, s *data.Sampler) {
		require.Equal(t, want, take(s, 9))
	})
}
