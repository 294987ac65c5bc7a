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
	return reported(t, append([]string{"-rust", os.Getenv("KIBISIS_RUST"), "-size", "1MiB", "-gobsize", "1MiB", "-rounds", "2"}, args...)...)
}

// reported runs the program, which must leave nothing behind, and returns what it printed and its JSON.
func reported(t *testing.T, args ...string) (string, report) {
	t.Helper()
	work, file := t.TempDir(), filepath.Join(t.TempDir(), "out.json")
	var out strings.Builder
	require.NoError(t, run(t.Context(), append([]string{"-dir", work, "-json", file}, args...), &out, io.Discard))

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
	out, r := smallest(t, "-python", "", "-rust", "")
	requireMeasured(t, r)
	require.Contains(t, out, "| SaveModel, NoSync ")
	require.Contains(t, out, "Not run: no Python: set $KIBISIS_PYTHON or -python.")
	require.Contains(t, out, "Not run: no Rust: set $KIBISIS_RUST or -rust.")
	require.True(t, strings.HasPrefix(out, r.Command+"\n"))
	require.Contains(t, r.Command, `-python ""`)
	require.Equal(t, 2, r.Rounds)
	require.Equal(t, 148, r.Tensors)
	require.InEpsilon(t, 1<<20, r.Bytes, 0.01)
}

// TestRunOnly: groups are chosen by their names.
func TestRunOnly(t *testing.T) {
	_, r := smallest(t, "-python", "", "-gob=false", "-only", "save")
	requireMeasured(t, r)
	groups := map[string]bool{}
	for _, row := range r.Rows {
		groups[row.Group] = true
	}
	require.Equal(t, map[string]bool{saveGroup: true, durableGroup: true}, groups)

	err := run(t.Context(), []string{"-size", "1MiB", "-dir", t.TempDir(), "-only", "nothing"}, io.Discard, io.Discard)
	require.ErrorContains(t, err, `no group has "nothing" in its name`)
}

func TestRunMarkdown(t *testing.T) {
	out, _ := smallest(t, "-python", "", "-gob=false", "-markdown", "-only", memoryGroup)
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
	require.NotContains(t, out, "Not run: no Python")
	require.Contains(t, r.Machine.Python, "safetensors ")
}

func TestRunWithRust(t *testing.T) {
	rust := os.Getenv("KIBISIS_RUST")
	if rust == "" {
		t.Skip("KIBISIS_RUST is not set")
	}
	for _, group := range []string{saveGroup, openGroup} {
		out, r := smallest(t, "-python", "", "-rust", rust, "-gob=false", "-only", group)
		requireMeasured(t, r)
		require.NotContains(t, out, "no Rust")
	}
}

// TestRunBrokenRust: a program that is not there costs its own rows only.
func TestRunBrokenRust(t *testing.T) {
	out, r := smallest(t, "-python", "", "-rust", filepath.Join(t.TempDir(), "rust"), "-gob=false", "-only", saveGroup)
	requireMeasured(t, r)
	require.Contains(t, out, "Not run: no Rust: ")
}

// TestRunBrokenPython: a Python that cannot be started costs its own rows only.
func TestRunBrokenPython(t *testing.T) {
	out, r := smallest(t, "-python", filepath.Join(t.TempDir(), "python"), "-gob=false", "-only", castGroup)
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
