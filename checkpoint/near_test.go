package checkpoint

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestNearestName(t *testing.T) {
	for _, c := range []struct {
		name  string
		names []string
		want  string
	}{
		{"encoder.weight", []string{"decoder.bias", "bert.encoder.weight"}, "bert.encoder.weight"},
		{"bert.encoder.weight", []string{"decoder.bias", "encoder.weight"}, "encoder.weight"},
		{"model.layers.0.w", []string{"w", "0.w", "layers.0.w"}, "layers.0.w"},
		{"w", []string{"a.b.c.w", "a.w", "a.b.w"}, "a.w"},
		{"fc1.weight", []string{"fc1.wieght", "fc1.bias"}, "fc1.wieght"},
		{"layers.0.weight", []string{"layers.1.weight", "layers.0.weights"}, "layers.0.weights"},
		{"LayerNorm.gamma", []string{"pooler.bias"}, ""},
		{"weight", []string{"eight", "xyzzy"}, "eight"},
		{"weight", []string{"xweight"}, "xweight"},
		{"w", nil, ""},
		{"", []string{"w"}, ""},
		{"a", []string{"b"}, ""},
		{"größe.w", []string{"grösse.w"}, "grösse.w"},
	} {
		require.Equal(t, c.want, newGuesser(c.names).nearest(c.name), "%q among %q", c.name, c.names)
	}
}

// A name of megabytes is no reason to compute for hours.
func TestNearestLeavesLongNamesAlone(t *testing.T) {
	long := func(last string) string { return fmt.Sprintf("%0300d%s", 0, last) }
	require.Empty(t, newGuesser([]string{long("a")}).nearest(long("b")))
	require.Equal(t, "x."+long("a"), newGuesser([]string{"x." + long("a")}).nearest(long("a")), "the end can be looked up")
}

// Guessing is a courtesy: for thousands of names it ends soon.
func TestNearestGivesUp(t *testing.T) {
	var names []string
	for i := range 20_000 {
		names = append(names, fmt.Sprintf("model.layers.%d.mlp.experts.%d.down_proj.weight", i/64, i%64))
	}
	g := newGuesser(names)
	for i := range 20_000 {
		g.nearest(fmt.Sprintf("model.layers.%d.mlp.experts.%d.down_proj.wait", i/64, i%64))
	}
	require.Zero(t, g.left)
	require.Equal(t, names[7], g.nearest("transformer."+names[7]))
}

// distance is a metric, and the one of single letters.
func TestDistanceIsAMetric(t *testing.T) {
	word := rapid.StringMatching(`[abc]{0,8}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := word.Draw(t, "a"), word.Draw(t, "b"), word.Draw(t, "c")
		require.Equal(t, distance(a, b), distance(b, a))
		require.Equal(t, a == b, distance(a, b) == 0)
		require.LessOrEqual(t, distance(a, c), distance(a, b)+distance(b, c))
		require.Equal(t, 1, distance(a, a+"d"))
		require.LessOrEqual(t, distance(a, b), max(len(a), len(b)))
	})
	require.Equal(t, 3, distance("kitten", "sitting"))
}
