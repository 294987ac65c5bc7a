package nn

import (
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"
)

// TestProfile: each op is told of once a run, with its gradients apart, and their times are parts of the
// run's; after the end of it nothing is told.
func TestProfile(t *testing.T) {
	s, g := NewScope(1), TrainGraph(nil)
	x, label := g.Input("x", tensor.Float32, 8, 16), g.Input("label", tensor.Int, 8)
	net := Sequential{NewLinear(s.Index(0), 16, 32, nil), ReLU, NewLinear(s.Index(2), 32, 4, nil)}
	_, err := g.Grad(CrossEntropy(g, net.Forward(g, x), label, nil))
	require.NoError(t, err)
	m, err := g.Machine()
	require.NoError(t, err)

	calls, sum := map[string]int{}, time.Duration(0)
	Profile(func(op string, took time.Duration) {
		calls[op]++
		sum += took
	})
	defer Profile(nil)
	begin := time.Now()
	require.NoError(t, m.Run())
	require.NoError(t, m.Run())
	whole := time.Since(begin)
	want := map[string]int{
		"linear": 4, "relu": 2, "cross_entropy": 2,
		"linear_grad": 4, "relu_grad": 2, "cross_entropy_grad": 2,
	}
	require.Equal(t, want, calls)
	require.Positive(t, sum)
	require.LessOrEqual(t, sum, whole)

	before := maps.Clone(calls)
	Profile(nil)
	require.NoError(t, m.Run())
	require.Equal(t, before, calls)
}
