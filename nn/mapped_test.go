package nn

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// bodyAndHead is two layers, the first of which takes its values from elsewhere if take is not nil.
func bodyAndHead(s *Scope, take func(string, tensor.Dtype, tensor.Shape) (*tensor.Dense, error)) Sequential {
	body := s.Sub("body")
	if take != nil {
		body = body.Using(take)
	}
	return Sequential{NewLinear(body.Sub("fc"), 3, 4, nil), Tanh, NewLinear(s.Sub("head"), 4, 1, nil)}
}

func TestTrainingOnAMappedFileLeavesTheFileAlone(t *testing.T) {
	other := NewScope(7)
	bodyAndHead(other, nil)
	path := filepath.Join(t.TempDir(), "body.safetensors")
	require.NoError(t, checkpoint.SaveModel(context.Background(), path, other.Sub("body"), nil))
	before, err := os.ReadFile(path)
	require.NoError(t, err)

	f, err := safetensors.Open(path, &safetensors.OpenOptions{CopyOnWrite: true})
	require.NoError(t, err)
	defer f.Close()
	lender := checkpoint.NewLender(f)
	s := NewScope(1)
	net := bodyAndHead(s, lender.Take)
	require.NoError(t, s.Err())
	require.NoError(t, lender.Unused())
	weight, _ := s.Named("body.fc.weight")
	want, _ := other.Named("body.fc.weight")
	require.Equal(t, numbers(want.Value()), numbers(weight.Value()))
	head, _ := s.Named("head.weight")
	otherHead, _ := other.Named("head.weight")
	require.NotEqual(t, numbers(otherHead.Value()), numbers(head.Value()), "the head is seeded")

	g := TrainGraph(nil)
	x := g.Input("x", tensor.Float32, 2, 3)
	copy(x.Value().Data().([]float32), []float32{1, 2, 3, 4, 5, 6})
	y := net.Forward(g, x)
	learnables, err := g.Grad(gorgonia.Must(gorgonia.Mean(gorgonia.Must(gorgonia.Square(y)))))
	require.NoError(t, err)
	m, err := g.Machine()
	require.NoError(t, err)
	require.NoError(t, m.Run())
	require.NoError(t, gorgonia.NewVanillaSolver(gorgonia.WithLearnRate(0.1)).Step(learnables))
	require.NotEqual(t, numbers(want.Value()), numbers(weight.Value()), "nothing was learnt")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after)
}

func TestAMissingTensorIsTheScopesError(t *testing.T) {
	s := NewScope(1)
	empty := func(name string, _ tensor.Dtype, _ tensor.Shape) (*tensor.Dense, error) {
		return nil, os.ErrNotExist
	}
	bodyAndHead(s, empty)
	require.ErrorIs(t, s.Err(), os.ErrNotExist)
	require.ErrorContains(t, s.Err(), `"body.fc.weight"`)
}
