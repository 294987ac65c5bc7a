package main

// This file runs the chapters of -runs at their smallest.

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRuns(t *testing.T) {
	for _, only := range []string{"saves", "memory", "restore"} {
		t.Run(only, func(t *testing.T) {
			work := t.TempDir()
			var out strings.Builder
			require.NoError(t, run(t.Context(), []string{"-runs", "-only", only, "-size", "1MiB", "-rounds", "2", "-dir", work}, &out, io.Discard))
			require.Contains(t, out.String(), "(times in ms)")
			left, err := os.ReadDir(work)
			require.NoError(t, err)
			require.Empty(t, left, "the program removes what it makes")
		})
	}
}

// TestLostTime: loops with and without saves compute the same, or there is an error; every save of
// package runs becomes durable.
func TestLostTime(t *testing.T) {
	l := &lab{options: options{lost: 80 * time.Millisecond, rounds: 1}, dir: t.TempDir()}
	d, err := l.measureLost(t.Context(), scale{1 << 20, 1})
	require.NoError(t, err)
	require.Len(t, d.trials[0], lostPairs)
	require.NotEmpty(t, d.lags)
	require.LessOrEqual(t, len(d.lags), d.wanted(), "some may have to wait for others on a slow disk")
	require.Len(t, d.sheet().rows, len(d.ways))
	d.lags = d.lags[:1]
	require.Contains(t, d.sheet().notes[2], "of 100 saves")
}

func TestInterval(t *testing.T) {
	require.Equal(t, time.Minute, interval(time.Millisecond))
	require.Equal(t, 100*time.Second, interval(time.Second))
	require.Equal(t, 10*time.Minute, interval(time.Hour))
}

func TestQuantile(t *testing.T) {
	samples := []time.Duration{4, 2, 1, 3}
	require.Equal(t, time.Duration(1), quantile(samples, 0))
	require.Equal(t, time.Duration(2), median(samples))
	require.Equal(t, time.Duration(4), quantile(samples, 0.99))
	require.Zero(t, median(nil))
	require.Equal(t, "-0.500", digits(-0.5))
}
