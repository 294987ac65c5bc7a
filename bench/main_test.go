package main

// This file runs the whole program at its smallest.

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// smallest runs the program with a 1 MiB model for two rounds, and returns what it
// printed and its JSON.
func smallest(t *testing.T, args ...string) (string, report) {
	t.Helper()
	work, file := t.TempDir(), filepath.Join(t.TempDir(), "out.json")
	var out strings.Builder
	args = append([]string{"-size", "1MiB", "-gobsize", "1MiB", "-rounds", "2", "-dir", work, "-json", file}, args...)
	require.NoError(t, run(t.Context(), args, &out, io.Discard))

	left, err := os.ReadDir(work)
	require.NoError(t, err)
	require.Empty(t, left, "the program removes what it makes")

	var r report
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &r))
	return out.String(), r
}

func requireMeasured(t *testing.T, r report) {
	t.Helper()
	for _, row := range r.Rows {
		want := r.Rounds
		if row.Skipped != "" {
			want = 0
		}
		require.Len(t, row.Samples, want, "%s: %s", row.Group, row.Name)
		for _, sample := range row.Samples {
			require.Positive(t, sample, "%s: %s", row.Group, row.Name)
		}
	}
}

func TestRunWithoutPython(t *testing.T) {
	out, r := smallest(t, "-python", "")
	requireMeasured(t, r)
	require.Contains(t, out, "| SaveModel, NoSync ")
	require.Contains(t, out, "Not run: no Python: set $KIBISIS_PYTHON or -python.")
	require.True(t, strings.HasPrefix(out, r.Command+"\n"))
	require.Contains(t, r.Command, `-python ""`)
	require.Equal(t, 2, r.Rounds)
	require.Equal(t, 148, r.Tensors)
	require.InEpsilon(t, 1<<20, r.Bytes, 0.01)
}

func TestRunMarkdown(t *testing.T) {
	out, _ := smallest(t, "-python", "", "-gob=false", "-markdown")
	require.Contains(t, out, "\n| --- | ---:|")
	require.NotContains(t, out, "gob,")
	require.NotContains(t, out, "+---")
}

func TestRunWithPython(t *testing.T) {
	python := os.Getenv("KIBISIS_PYTHON")
	if python == "" {
		t.Skip("KIBISIS_PYTHON is not set")
	}
	out, r := smallest(t, "-python", python, "-torch", "-gob=false")
	requireMeasured(t, r)
	require.NotContains(t, out, "Not run")
	require.Contains(t, r.Machine.Python, "safetensors ")
}

// TestRunBrokenPython: a Python that cannot be started costs its own rows only.
func TestRunBrokenPython(t *testing.T) {
	out, r := smallest(t, "-python", filepath.Join(t.TempDir(), "python"), "-gob=false")
	requireMeasured(t, r)
	require.Contains(t, out, "Not run: no Python: ")
}

func TestFlags(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-size 4KiB", "at least 1048576"},
		{"-size much", "much"},
		{"-rounds 0", "-rounds is 0"},
		{"more", `unexpected argument "more"`},
	} {
		_, err := parse(strings.Fields(c.args), io.Discard)
		require.ErrorContains(t, err, c.want, c.args)
	}
	var help strings.Builder
	require.NoError(t, run(t.Context(), []string{"-h"}, io.Discard, &help))
	require.Contains(t, help.String(), "-gobsize")
}
