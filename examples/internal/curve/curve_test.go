package curve

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func falling(name string, n int) *Line {
	l := &Line{Name: name}
	for i := range n {
		l.Add(int64(i+1), 1/float64(i+1))
	}
	return l
}

func TestWriteDrawsEachLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "loss.svg")
	few, plenty := falling("few", 10), falling("plenty", 3*many)
	few.Add(11, math.NaN())
	require.NoError(t, Write(path, "a title", few, plenty))
	svg, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, text := range []string{"a title", "few", "plenty", "step"} {
		require.Contains(t, string(svg), ">"+text+"<")
	}
	// A line of few points is one path, a longer one two: pale, and smooth.
	require.Equal(t, 2, strings.Count(string(svg), "#1F77B4")+strings.Count(string(svg), "#1f77b4"), "the line and its mark in the legend")
}

func TestWriteSaysWhereItCannot(t *testing.T) {
	require.Error(t, Write(filepath.Join(t.TempDir(), "missing", "loss.svg"), "", falling("x", 3)))
}

func TestSmoothIsBetweenItsNeighbours(t *testing.T) {
	values := make([]float64, 1000)
	for i := range values {
		values[i] = 1 + 0.5*float64(i%2*2-1)
	}
	for _, y := range smooth(values)[100:] {
		require.InDelta(t, 1, y, 0.05)
	}
	require.InDelta(t, 0.5, smooth(values)[0], 1e-9)
}
