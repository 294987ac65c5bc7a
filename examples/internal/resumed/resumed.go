// Package resumed is for tests of examples: what a run is after a death.
package resumed

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Learning skips a test that trains a network on images where that takes too long.
func Learning(t *testing.T) {
	t.Helper()
	if testing.Short() || raced {
		t.Skip("reads and learns MNIST, which takes minutes under the race detector")
	}
}

// After copies a run as it would be had its process died right after its first checkpoint.
func After(t *testing.T, run string) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "run")
	steps := checkpoints(t, run)
	require.Greater(t, len(steps), 1, "the run has no checkpoint in the middle")
	require.NoError(t, os.CopyFS(dir, os.DirFS(run)))
	for _, later := range steps[1:] {
		require.NoError(t, os.RemoveAll(filepath.Join(dir, later)))
	}
	return dir
}

// Newest reads a file of the newest checkpoint of a run.
func Newest(t *testing.T, run, file string) []byte {
	t.Helper()
	steps := checkpoints(t, run)
	data, err := os.ReadFile(filepath.Join(run, steps[len(steps)-1], file))
	require.NoError(t, err)
	return data
}

func checkpoints(t *testing.T, run string) []string {
	t.Helper()
	entries, err := os.ReadDir(run)
	require.NoError(t, err)
	var steps []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "step-") {
			steps = append(steps, e.Name())
		}
	}
	slices.Sort(steps)
	require.NotEmpty(t, steps)
	return steps
}
