package digits

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/stretchr/testify/require"
	G "gorgonia.org/gorgonia"
)

func TestSamplerDealsEachRowOnceAnEpoch(t *testing.T) {
	const rows = 3*Batch + 7
	s := NewSampler(1, rows)
	require.Equal(t, 3, s.Steps())
	var epochs [2][]int
	for i := range epochs {
		require.EqualValues(t, i, s.At.Epoch)
		for range s.Steps() {
			epochs[i] = append(epochs[i], s.Next()...)
		}
		sorted := slices.Sorted(slices.Values(epochs[i]))
		require.Len(t, slices.Compact(sorted), 3*Batch)
		require.Less(t, sorted[len(sorted)-1], rows)
	}
	require.NotEqual(t, epochs[0], epochs[1])
	require.NotEqual(t, epochs[0][:Batch], NewSampler(2, rows).Next())
}

func TestSamplerGoesOnFromAnyPosition(t *testing.T) {
	whole := NewSampler(1, 3*Batch)
	for range 10 {
		parted := NewSampler(1, 3*Batch)
		parted.Next() // an order that is not that of the epoch to come
		parted.At = whole.At
		require.Equal(t, whole.Next(), parted.Next())
		require.Equal(t, whole.At, parted.At)
	}
}

// some are images of noise, in which label and brightest row agree, so that there is something to learn.
func some(n int) mnist.Set {
	rng := rand.New(rand.NewPCG(1, 1))
	s := mnist.Set{Images: make([]float32, n*mnist.Pixels), Labels: make([]uint8, n)}
	for i := range s.Images {
		s.Images[i] = rng.Float32() / 2
	}
	for i := range s.Labels {
		s.Labels[i] = uint8(rng.IntN(mnist.Classes))
		for j := range 28 {
			s.Row(i)[int(s.Labels[i])*28+j] = 1
		}
	}
	return s
}

func TestTrainerLearnsAndPredictorKnows(t *testing.T) {
	data := some(2 * Batch)
	trainer, err := NewTrainer(Random(1), G.NewAdamSolver(), &Dropout{Share: 0.2, Source: rand.NewPCG(1, 2)})
	require.NoError(t, err)
	tester := NewPredictor(Batch, SharedWith(trainer.Network))
	before, err := tester.Loss(data)
	require.NoError(t, err)
	order := NewSampler(1, data.Len())
	for range 40 {
		_, err := trainer.Step(data, order.Next())
		require.NoError(t, err)
	}
	after, err := tester.Loss(data)
	require.NoError(t, err)
	require.Less(t, after, before/2)
	right, err := tester.Accuracy(data)
	require.NoError(t, err)
	require.Greater(t, right, 0.9)
}

func TestWithoutDropoutTheLossesOfTrainerAndPredictorAgree(t *testing.T) {
	data := some(Batch)
	trainer, err := NewTrainer(Random(1), G.NewVanillaSolver(), nil)
	require.NoError(t, err)
	want, err := NewPredictor(Batch/2, SharedWith(trainer.Network)).Loss(data)
	require.NoError(t, err)
	got, err := trainer.Step(data, NewSampler(1, Batch).Next())
	require.NoError(t, err)
	require.InDelta(t, want, got, 1e-4)
	require.InDelta(t, math.Log(mnist.Classes), crossEntropy(make([]float32, mnist.Classes), 3), 1e-9)
}

func TestDropoutDropsItsShare(t *testing.T) {
	trainer, err := NewTrainer(Zeros, G.NewVanillaSolver(), &Dropout{Share: 0.25, Source: rand.NewPCG(1, 2)})
	require.NoError(t, err)
	trainer.drop()
	first := slices.Clone(trainer.mask.Data().([]float32))
	count := map[float32]int{}
	for _, v := range first {
		count[v]++
	}
	require.Len(t, count, 2)
	require.InDelta(t, 0.25, float64(count[0])/float64(len(first)), 0.02)
	require.InDelta(t, 0.75, float64(count[float32(1/(1-0.25))])/float64(len(first)), 0.02)
	trainer.drop()
	require.NotEqual(t, first, trainer.mask.Data())
}
