package kernel

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	normRows = 40 // more than one block of sums over rows
	epsilon  = 1e-5
)

// layerNorm is one row of LayerNorm as its formula says, in float64; rmsNorm is that of RMSNorm.

func layerNorm(x, gain, bias []float64) []float64 {
	var mean, variance float64
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		variance += (v - mean) * (v - mean) / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = (v-mean)/math.Sqrt(variance+epsilon)*gain[i] + bias[i]
	}
	return y
}

func rmsNorm(x, gain, _ []float64) []float64 {
	var square float64
	for _, v := range x {
		square += v * v / float64(len(x))
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / math.Sqrt(square+epsilon) * gain[i]
	}
	return y
}

// norms runs forward and backward on one set of rows.
type norms[T Float] struct {
	x, gain, bias, dy   []T
	mean, rstd          []T
	y, dx, dgain, dbias []T
	forward, backward   func(n *norms[T], width int)
	formula             func(x, gain, bias []float64) []float64
}

func bothNorms[T Float](random *rand.Rand, width int) []*norms[T] {
	ofLayer := &norms[T]{formula: layerNorm}
	ofLayer.forward = func(n *norms[T], width int) {
		LayerNorm(n.y, n.x, n.gain, n.bias, n.mean, n.rstd, normRows, width, epsilon)
	}
	ofLayer.backward = func(n *norms[T], width int) {
		LayerNormGrad(n.dx, n.dgain, n.dbias, n.x, n.gain, n.mean, n.rstd, n.dy, normRows, width)
	}
	ofSquares := &norms[T]{formula: rmsNorm}
	ofSquares.forward = func(n *norms[T], width int) {
		RMSNorm(n.y, n.x, n.gain, n.rstd, normRows, width, epsilon)
	}
	ofSquares.backward = func(n *norms[T], width int) {
		RMSNormGrad(n.dx, n.dgain, n.x, n.gain, n.rstd, n.dy, normRows, width)
	}
	both := []*norms[T]{ofLayer, ofSquares}
	for _, n := range both {
		n.x, n.dy = normals[T](random, normRows*width), normals[T](random, normRows*width)
		n.gain, n.bias = normals[T](random, width), normals[T](random, width)
		n.mean, n.rstd = make([]T, normRows), make([]T, normRows)
		n.y, n.dx = make([]T, len(n.x)), make([]T, len(n.x))
		n.dgain, n.dbias = make([]T, width), make([]T, width)
	}
	return both
}

// loss is the sum of dy times the formula's y, of which dx, dgain and dbias are the gradients.
func (n *norms[T]) loss(x, gain, bias []float64) float64 {
	var sum float64
	width := len(gain)
	for i := range normRows {
		for j, v := range n.formula(row(x, i, width), gain, bias) {
			sum += v * float64(n.dy[i*width+j])
		}
	}
	return sum
}

func wide[T Float](x []T) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// TestNorms compares with the formulas, and gradients with differences of them.
func TestNorms(t *testing.T) {
	t.Run("float32", func(t *testing.T) { testNorms[float32](t, 2e-6, 2e-5) })
	t.Run("float64", func(t *testing.T) { testNorms[float64](t, 1e-13, 1e-7) })
}

func testNorms[T Float](t *testing.T, within, slopeWithin float64) {
	random := rand.New(rand.NewPCG(11, 12))
	for _, width := range []int{2, 7, 24, 50} {
		for k, n := range bothNorms[T](random, width) {
			n.forward(n, width)
			n.backward(n, width)
			x, gain, bias := wide(n.x), wide(n.gain), wide(n.bias)
			for i := range normRows {
				require.InDeltaSlice(t, n.formula(row(x, i, width), gain, bias), row(n.y, i, width), 10*within)
			}
			slope := func(at *float64) float64 {
				const h = 1e-5
				v := *at
				*at = v + h
				up := n.loss(x, gain, bias)
				*at = v - h
				down := n.loss(x, gain, bias)
				*at = v
				return (up - down) / (2 * h)
			}
			check := func(name string, at []float64, got []T) {
				t.Helper()
				for range 20 {
					i := random.IntN(len(at))
					want := slope(&at[i])
					size := max(1, math.Abs(want), float64(n.rstd[min(i/width, normRows-1)]))
					require.InDelta(t, want, got[i], slopeWithin*10*size, "%s of %d, width %d", name, k, width)
				}
			}
			check("dx", x, n.dx)
			check("dgain", gain, n.dgain)
			if k == 0 {
				check("dbias", bias, n.dbias)
			}
		}
	}
}

// TestNormsWithout: without gain and bias they are 1 and 0, and results that are not asked for
// change nothing in others.
func TestNormsWithout(t *testing.T) {
	const width = 11
	for _, n := range bothNorms[float64](rand.New(rand.NewPCG(13, 14)), width) {
		for j := range width {
			n.gain[j], n.bias[j] = 1, 0
		}
		n.forward(n, width)
		n.backward(n, width)
		y, dx, dgain, dbias := n.y, n.dx, n.dgain, n.dbias
		n.gain, n.bias = nil, nil
		n.y, n.dx = make([]float64, len(y)), make([]float64, len(y))
		n.forward(n, width)
		n.dgain, n.dbias = nil, nil
		n.backward(n, width)
		require.Equal(t, y, n.y)
		require.Equal(t, dx, n.dx)
		n.dx, n.dgain = nil, make([]float64, width)
		n.backward(n, width)
		require.Equal(t, dgain, n.dgain)
		n.dgain, n.dbias = nil, make([]float64, width)
		n.backward(n, width)
		require.InDeltaSlice(t, dbias, n.dbias, 1e-13)
	}
}

// TestNormsFarFromZero: the variance of rows far from 0 is not lost, and that of equal elements
// is 0, not less.
func TestNormsFarFromZero(t *testing.T) {
	x := []float32{4095, 4097, 4095, 4097, 7, 7, 7, 7}
	y, mean, rstd := make([]float32, 8), make([]float32, 2), make([]float32, 2)
	LayerNorm(y, x, nil, nil, mean, rstd, 2, 4, 0)
	require.Equal(t, []float32{-1, 1, -1, 1}, y[:4])
	require.Equal(t, []float32{4096, 7}, mean)
	require.True(t, math.IsInf(float64(rstd[1]), 1), "%v", rstd)
	LayerNorm(y, x, nil, nil, mean, rstd, 2, 4, 0.25)
	require.Equal(t, []float32{0, 0, 0, 0}, y[4:])
	require.Equal(t, float32(2), rstd[1])
}
