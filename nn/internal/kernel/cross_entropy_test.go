package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCrossEntropyOfManyRows compares several blocks of rows with the formula in float64. float32
// may differ by 1e-5 of the largest number, float64 by 1e-12.
func TestCrossEntropyOfManyRows(t *testing.T) {
	testCrossEntropy[float32](t, 1e-5)
	testCrossEntropy[float64](t, 1e-12)
}

func testCrossEntropy[T Float](t *testing.T, tolerance float64) {
	const rows, classes, ignore, smoothing, dy = 333, 97, 5, 0.2, 1.5
	rng := rand.New(rand.NewPCG(1, 2))
	x, weight, labels := make([]float64, rows*classes), make([]float64, classes), make([]int, rows)
	for i := range x {
		x[i] = 5 * rng.NormFloat64()
	}
	for i := range weight {
		weight[i] = rng.Float64()
	}
	for i := range labels {
		labels[i] = rng.IntN(classes)
	}
	loss, total, dx := 0.0, 0.0, make([]float64, len(x))
	for i, label := range labels {
		if label == ignore {
			continue
		}
		sum := 0.0
		for _, v := range row(x, i, classes) {
			sum += math.Exp(v)
		}
		total += weight[label]
		for c, v := range row(x, i, classes) {
			share := smoothing / classes * weight[c]
			if c == label {
				share += (1 - smoothing) * weight[c]
			}
			loss -= share * (v - math.Log(sum))
			for other, v := range row(x, i, classes) {
				dx[i*classes+other] += dy * share * math.Exp(v) / sum
			}
			dx[i*classes+c] -= dy * share
		}
	}
	for i := range dx {
		dx[i] /= total
	}
	k := CrossEntropy[T]{Rows: rows, Classes: classes, Ignore: ignore, Smoothing: smoothing, Weight: narrow[T](weight)}
	got := make([]T, len(dx))
	for range 2 {
		require.InEpsilon(t, loss/total, k.Forward(narrow[T](x), labels), tolerance)
		for i := range got {
			got[i] = 7 // all of it is written
		}
		k.Backward(got, narrow[T](x), labels, dy)
		nearMost(t, dx, got, tolerance, "dx")
	}
}

// TestNLLWritesItsWholeGradient, of classes that are no labels and of rows that are ignored too.
func TestNLLWritesItsWholeGradient(t *testing.T) {
	k := NLL[float64]{Rows: 3, Classes: 3, Ignore: -100, Weight: []float64{1, 2, 3}}
	labels, dx := []int{2, -100, 0}, []float64{7, 7, 7, 7, 7, 7, 7, 7, 7}
	require.InDelta(t, (3*5+1*9)/4., k.Forward([]float64{0, 0, -5, 0, 0, 0, -9, 0, 0}, labels), 1e-12)
	k.Backward(dx, labels, 8)
	require.InDeltaSlice(t, []float64{0, 0, -6, 0, 0, 0, -2, 0, 0}, dx, 1e-12)
}
