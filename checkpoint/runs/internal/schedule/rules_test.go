package schedule

// These tests are of what can be asked for, and of rules of steps.

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func begin(t *testing.T, r Rules, step int64) *Schedule {
	t.Helper()
	s, err := New(r, step, noon)
	require.NoError(t, err)
	return s
}

func TestRulesThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		rules Rules
		says  string
	}{
		{Rules{Budget: -0.1}, "budget of -0.1"},
		{Rules{Budget: 1}, "budget of 1: want a part of all time, at least 0 and below 1"},
		{Rules{Budget: math.NaN()}, "budget of NaN"},
		{Rules{Min: -time.Second}, "between -1s and 0s"},
		{Rules{Max: -time.Second}, "between 0s and -1s"},
		{Rules{Min: time.Hour, Max: time.Minute}, "between 1h0m0s and 1m0s from save to save: want the first no longer"},
		{Rules{EverySteps: -5}, "every -5 steps"},
		{Rules{Every: -5}, "every -5ns"},
		{Rules{At: []int64{7, 0}}, "step 0, number 1 of those given"},
		{Rules{GrowStart: -1}, "from -1 on"},
		{Rules{GrowFactor: 2}, "want the first of them, got none"},
		{Rules{GrowStart: 1, GrowFactor: 1}, "grow by 1: want a number of at least 1.01"},
		{Rules{GrowStart: 1, GrowFactor: -2}, "grow by -2"},
		{Rules{GrowStart: 1, GrowFactor: math.NaN()}, "grow by NaN"},
		{Rules{GrowStart: 1, GrowFactor: math.Inf(1)}, "grow by +Inf"},
	} {
		_, err := New(c.rules, 0, noon)
		require.ErrorContains(t, err, c.says)
	}
	_, err := New(Rules{}, -1, noon)
	require.ErrorContains(t, err, "begins at step -1")
}

// savedSteps is where a run is saved that asks at the given steps, an hour apart.
func savedSteps(s *Schedule, asked []int64) (saved []int64) {
	now := noon
	for _, step := range asked {
		now = now.Add(time.Hour)
		if _, ok := s.Due(step, now); ok {
			s.Saved(step, now, time.Second)
			saved = append(saved, step)
		}
	}
	return saved
}

// upTo is every step after from, by stride.
func upTo(from, last, stride int64) (steps []int64) {
	for step := from + stride; step <= last; step += stride {
		steps = append(steps, step)
	}
	return steps
}

func TestStepsThatAreSaved(t *testing.T) {
	for _, c := range []struct {
		name  string
		rules Rules
		from  int64
		asked []int64
		want  []int64
	}{
		{"multiples", Rules{EverySteps: 4}, 0, upTo(0, 13, 1), []int64{4, 8, 12}},
		{"multiples after a resume between them", Rules{EverySteps: 4}, 6, upTo(6, 13, 1), []int64{8, 12}},
		{"multiples after a resume at one", Rules{EverySteps: 4}, 8, upTo(8, 13, 1), []int64{12}},
		{"multiples of a loop that asks now and then", Rules{EverySteps: 4}, 0, upTo(0, 20, 3), []int64{6, 9, 12, 18}},
		{"of a loop that asks less often than it saves", Rules{EverySteps: 4}, 0, upTo(0, 40, 10), []int64{10, 20, 30, 40}},
		{"given", Rules{At: []int64{7, 2, 7, 5}}, 0, upTo(0, 20, 1), []int64{2, 5, 7}},
		{"given, after a resume at one", Rules{At: []int64{7, 2, 5}}, 5, upTo(5, 20, 1), []int64{7}},
		{"given, passed over", Rules{At: []int64{7, 2, 5}}, 0, []int64{6, 8, 9}, []int64{6, 8}},
		{"growing", Rules{GrowStart: 1}, 0, upTo(0, 40, 1), []int64{1, 2, 4, 8, 16, 32}},
		{"growing slowly", Rules{GrowStart: 10, GrowFactor: 1.25}, 0, upTo(0, 40, 1), []int64{10, 13, 17, 22, 28, 35}},
		{"growing from below", Rules{GrowStart: 1, GrowFactor: 1.01}, 0, upTo(0, 5, 1), []int64{1, 2, 3, 4, 5}},
		{"growing, after a resume", Rules{GrowStart: 1, GrowFactor: 3}, 9, upTo(9, 100, 1), []int64{27, 81}},
		{"any of them", Rules{EverySteps: 10, At: []int64{3, 20}, GrowStart: 8}, 0, upTo(0, 33, 1), []int64{3, 8, 10, 16, 20, 30, 32}},
	} {
		require.Equal(t, c.want, savedSteps(begin(t, c.rules, c.from), c.asked), c.name)
	}
}

// TestAResumeChangesNoStep: wherever a run is cut, the two parts are saved where the whole is.
func TestAResumeChangesNoStep(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(7, seed))
		r := Rules{EverySteps: 1 + rng.Int64N(20), At: []int64{1 + rng.Int64N(100)}, GrowStart: 1 + rng.Int64N(9)}
		whole := savedSteps(begin(t, r, 0), upTo(0, 100, 1))
		cut := rng.Int64N(100)
		parts := slices.Concat(savedSteps(begin(t, r, 0), upTo(0, cut, 1)), savedSteps(begin(t, r, cut), upTo(cut, 100, 1)))
		require.Equal(t, whole, parts, "%+v cut at %d", r, cut)
	}
}

func TestASaveStaysDueUntilItIsTaken(t *testing.T) {
	s := begin(t, Rules{EverySteps: 10}, 0)
	for step := int64(10); step < 14; step++ {
		reason, ok := s.Due(step, noon)
		require.True(t, ok)
		require.Equal(t, "every 10 steps", reason)
	}
	s.Saved(14, noon, 0)
	_, ok := s.Due(14, noon)
	require.False(t, ok)
	_, ok = s.Due(19, noon)
	require.False(t, ok)
	_, ok = s.Due(20, noon)
	require.True(t, ok)
}

// TestWhatWasSavedByHandIsNotSavedAgain, though a rule has the step.
func TestWhatWasSavedByHandIsNotSavedAgain(t *testing.T) {
	s := begin(t, Rules{EverySteps: 10, Every: time.Minute}, 0)
	s.Saved(10, noon, 0)
	_, ok := s.Due(10, noon.Add(time.Hour))
	require.False(t, ok)
}

func TestGoingBackGoesOnFromThere(t *testing.T) {
	s := begin(t, Rules{EverySteps: 10, GrowStart: 1}, 0)
	s.Saved(50, noon, 0)
	s.Saved(25, noon, 0)
	require.Equal(t, []int64{30, 32, 40}, savedSteps(s, upTo(25, 45, 1)))
}

func TestTheLargestStepsDoNotWrap(t *testing.T) {
	s := begin(t, Rules{EverySteps: 1 << 62, At: []int64{math.MaxInt64}, GrowStart: 1}, 0)
	s.Saved(math.MaxInt64-1, noon, 0)
	require.Equal(t, int64(math.MaxInt64), s.Next(noon).Step)
	s.Saved(math.MaxInt64, noon, 0)
	require.Zero(t, s.Next(noon).Step)
	_, ok := s.Due(math.MaxInt64, noon)
	require.False(t, ok)
}

func TestReasons(t *testing.T) {
	for _, c := range []struct {
		rules  Rules
		reason string
	}{
		{Rules{EverySteps: 100}, "every 100 steps"},
		{Rules{At: []int64{100}}, "step 100 was asked for"},
		{Rules{GrowStart: 100}, "step 100 of those that grow by 2"},
		{Rules{Every: time.Hour}, "every 1h0m0s"},
		{Rules{}, "after 1m0s, since it is not known yet what a save costs"},
	} {
		reason, ok := begin(t, c.rules, 0).Due(100, noon.Add(time.Hour))
		require.True(t, ok)
		require.Equal(t, c.reason, reason)
	}
}
