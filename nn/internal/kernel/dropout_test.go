package kernel

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// mask is 1 where Dropout of n ones drops.
func mask(n int, seed uint64, p float64) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	Dropout(x, x, seed, p)
	for i, v := range x {
		x[i] = 0
		if v == 0 {
			x[i] = 1
		}
	}
	return x
}

func TestDropoutScalesWhatItKeeps(t *testing.T) {
	x := []float32{1, -2, 3, 4, 5, 6, 7, 8, 9, 10}
	y := make([]float32, len(x))
	Dropout(y, x, 5, 0.75)
	kept := 0
	for i, v := range y {
		if v != 0 {
			require.Equal(t, 4*x[i], v)
			kept++
		}
	}
	require.True(t, kept > 0 && kept < len(x), "%v", y)
	Dropout(y, x, 5, 0)
	require.Equal(t, x, y)
	Dropout(y, x, 5, 1)
	require.Equal(t, make([]float32, len(x)), y)
}

// TestDropoutMaskIsOfSeedAndIndex: neither length nor type has a say, and what a smaller p drops
// a larger one drops too.
func TestDropoutMaskIsOfSeedAndIndex(t *testing.T) {
	const n = 3*heavy + 5
	long, more := mask(n, 9, 0.3), mask(n, 9, 0.4)
	require.Equal(t, long[:1000], mask(1000, 9, 0.3))
	single := make([]float32, n)
	for i := range single {
		single[i] = 1
	}
	Dropout(single, single, 9, 0.3)
	for i, dropped := range long {
		require.Equal(t, dropped == 1, single[i] == 0)
		require.LessOrEqual(t, dropped, more[i])
	}
}

// TestDropoutIsRandom looks at shares, and at whether elements at some distance, of one seed or
// of seeds in sequence, have to do with each other: by less than five standard deviations.
func TestDropoutIsRandom(t *testing.T) {
	const n = 1 << 18
	for _, p := range []float64{0.01, 0.1, 0.5, 0.9} {
		var masks [][]float64
		for seed := range uint64(4) {
			masks = append(masks, mask(n, seed, p))
			share := Sum(masks[seed]) / n
			require.InDelta(t, p, share, 5*math.Sqrt(p*(1-p)/n), "seed %d", seed)
		}
		for _, a := range masks[:2] {
			for k, b := range masks {
				for _, distance := range []int{0, 1, 2, 3, 4, 7, 8, 64, 768, heavy} {
					if distance == 0 && &a[0] == &b[0] {
						continue
					}
					m := n - distance
					both := Dot(a[:m], b[distance:]) / float64(m)
					require.InDelta(t, p*p, both, 5*p*(1-p)/math.Sqrt(float64(m))+2*p*5*math.Sqrt(p*(1-p)/n),
						"p %v, with seed %d at distance %d", p, k, distance)
				}
			}
		}
	}
}

// TestDropoutSeedsDiffer: of many seeds in sequence, the first elements are dropped as often as
// others.
func TestDropoutSeedsDiffer(t *testing.T) {
	const seeds, width = 4096, 16
	sum := make([]float64, width)
	for seed := range uint64(seeds) {
		AddTo(sum, mask(width, seed, 0.5))
	}
	for i, v := range sum {
		require.InDelta(t, seeds/2, v, 5*math.Sqrt(seeds)/2, "element %d", i)
	}
}

// TestMixIsSplitMix64 has the first numbers of the reference implementation for the seed
// 1234567.
func TestMixIsSplitMix64(t *testing.T) {
	state, got := uint64(1234567), []uint64{}
	for range 5 {
		state += golden
		got = append(got, mix(state))
	}
	require.Equal(t, []uint64{
		6457827717110365317, 3203168211198807973, 9817491932198370423,
		4593380528125082431, 16408922859458223821,
	}, got)
}
