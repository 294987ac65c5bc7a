package data_test

import (
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/nn/data"
)

// A setting is what a sampler can be made with.
type setting struct {
	rows, batch int
	o           data.Options
}

// settings draws what NewSampler takes, small enough that every edge comes up.
func settings(t *rapid.T) setting {
	s := setting{
		batch: rapid.IntRange(1, 9).Draw(t, "batch"),
		o: data.Options{
			Seed:       rapid.Uint64().Draw(t, "seed"),
			Sequential: rapid.Bool().Draw(t, "sequential"),
			DropLast:   rapid.Bool().Draw(t, "drop last"),
			World:      rapid.IntRange(0, 4).Draw(t, "world"),
		},
	}
	world := max(1, s.o.World)
	s.o.Rank = rapid.IntRange(0, world-1).Draw(t, "rank")
	if s.o.DropLast {
		s.rows = rapid.IntRange(s.batch*world, 100).Draw(t, "rows")
	} else {
		s.rows = world * rapid.IntRange(1, 25).Draw(t, "rows of a worker")
	}
	return s
}

func (s setting) sampler(t require.TestingT) *data.Sampler {
	sampler, err := data.NewSampler(s.rows, s.batch, &s.o)
	require.NoError(t, err)
	return sampler
}

// take copies the next n batches.
func take(s *data.Sampler, n int) [][]int {
	all := make([][]int, n)
	for i := range all {
		all[i] = slices.Clone(s.Next())
	}
	return all
}

// An epoch has each row once, all workers together: without DropLast all rows, with it as many as
// make whole batches. Workers have equally many batches, of one size at each step.
func TestEpochHasEachRowOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		epoch := rapid.Int64Range(0, 3).Draw(t, "epoch")
		world := max(1, s.o.World)
		var seen []int
		var sizes [][]int
		for s.o.Rank = range world {
			sampler := s.sampler(t)
			take(sampler, sampler.Steps()*int(epoch))
			require.Equal(t, epoch, sampler.Epoch())
			var own []int
			for _, batch := range take(sampler, sampler.Steps()) {
				own = append(own, len(batch))
				seen = append(seen, batch...)
			}
			require.Equal(t, epoch+1, sampler.Epoch())
			require.Zero(t, sampler.Step())
			sizes = append(sizes, own)
		}
		for _, own := range sizes {
			require.Equal(t, sizes[0], own)
		}
		for _, size := range sizes[0][:len(sizes[0])-1] {
			require.Equal(t, s.batch, size)
		}
		last := sizes[0][len(sizes[0])-1]
		require.True(t, last > 0 && last <= s.batch)
		want := s.rows
		if s.o.DropLast {
			require.Equal(t, s.batch, last)
			want -= s.rows % (s.batch * world)
		}
		require.Len(t, seen, want)
		slices.Sort(seen)
		require.Len(t, slices.Compact(seen), want, "no row twice")
		require.True(t, seen[0] >= 0 && seen[want-1] < s.rows)
	})
}

// A sampler that is saved anywhere, and restored into a new one, goes on with the same batches.
func TestResumeAnywhere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		whole := s.sampler(t)
		stop := rapid.IntRange(0, 3*whole.Steps()).Draw(t, "stop")
		rest := rapid.IntRange(1, 2*whole.Steps()).Draw(t, "rest")
		take(whole, stop)
		raw, err := whole.MarshalJSON()
		require.NoError(t, err)
		want := take(whole, rest)

		resumed := s.sampler(t)
		take(resumed, rapid.IntRange(0, 3).Draw(t, "begun"))
		require.NoError(t, resumed.UnmarshalJSON(raw))
		require.Equal(t, int64(stop/resumed.Steps()), resumed.Epoch())
		require.Equal(t, stop%resumed.Steps(), resumed.Step())
		require.Equal(t, want, take(resumed, rest))
	})
}

// The batches of a step, of all workers together, are the batch of one worker with one as large; so
// a position may be restored with another number of workers.
func TestWorkersShareABatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		world := max(1, s.o.World)
		alone := setting{s.rows, s.batch * world, s.o}
		alone.o.World, alone.o.Rank = 1, 0
		one := alone.sampler(t)
		stop := rapid.IntRange(0, 2*one.Steps()).Draw(t, "stop")
		take(one, stop)
		raw, err := one.MarshalJSON()
		require.NoError(t, err)
		want := slices.Clone(one.Next())

		var got []int
		for s.o.Rank = range world {
			worker := s.sampler(t)
			require.NoError(t, worker.UnmarshalJSON(raw))
			got = append(got, worker.Next()...)
		}
		require.Equal(t, want, got)
	})
}

// Batches are those that Next gives in that epoch, wherever Next is, and Next goes on as before.
func TestBatchesOfAnEpoch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings(t)
		sampler, twin := s.sampler(t), s.sampler(t)
		begun := rapid.IntRange(0, 2*twin.Steps()).Draw(t, "begun")
		take(sampler, begun)
		var got [][]int
		for batch := range sampler.Batches(1) {
			got = append(got, slices.Clone(batch))
		}
		take(twin, twin.Steps())
		require.Equal(t, take(twin, twin.Steps()), got)

		twin = s.sampler(t)
		take(twin, begun)
		require.Equal(t, take(twin, 3), take(sampler, 3))
		for range sampler.Batches(0) {
			break // leaving early is fine
		}
	})
}

// Epochs and seeds give other orders, and only a sequential sampler gives the rows in theirs.
func TestOrders(t *testing.T) {
	const rows = 50
	orders := map[[rows]int]bool{}
	for seed := range uint64(20) {
		s, err := data.NewSampler(rows, rows, &data.Options{Seed: seed})
		require.NoError(t, err)
		for range 20 {
			orders[[rows]int(s.Next())] = true
		}
	}
	require.Len(t, orders, 400)

	s, err := data.NewSampler(5, 2, &data.Options{Sequential: true})
	require.NoError(t, err)
	require.Equal(t, [][]int{{0, 1}, {2, 3}, {4}, {0, 1}}, take(s, 4))
}

// Every row is equally likely at every place: over 4000 epochs of 5 rows, each of the 25 counts is
// within five deviations of its mean of 800, and so are those of the seeds.
func TestOrdersAreUniform(t *testing.T) {
	const rows, epochs = 5, 4000
	for name, order := range map[string]func(i int) []int{
		"epochs": func(i int) []int { return orderOf(t, rows, 7, int64(i)) },
		"seeds":  func(i int) []int { return orderOf(t, rows, uint64(i), 7) },
	} {
		var counts [rows][rows]int
		for i := range epochs {
			for place, row := range order(i) {
				counts[place][row]++
			}
		}
		for place := range counts {
			for row, n := range counts[place] {
				require.InDelta(t, epochs/rows, n, 5*25.3, "%s: row %d at place %d", name, row, place)
			}
		}
	}
}

func orderOf(t *testing.T, rows int, seed uint64, epoch int64) []int {
	s, err := data.NewSampler(rows, rows, &data.Options{Seed: seed})
	require.NoError(t, err)
	require.NoError(t, s.Resume(epoch, 0))
	return s.Next()
}

// The order is a part of the format of a saved position. It is what the paper's plainest form gives:
// the upper word of a random one times n, drawn again if the lower is among the 2^64 mod n least.
func TestOrderStaysTheSame(t *testing.T) {
	require.Equal(t, []int{2, 4, 3, 9, 0, 1, 8, 6, 5, 7}, orderOf(t, 10, 1, 2))
	for seed := range uint64(5) {
		require.Equal(t, orderBy(rand.NewPCG(seed, 3), 1000), orderOf(t, 1000, seed, 3))
	}
}

func orderBy(source *rand.PCG, n int) []int {
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	word := new(big.Int).Lsh(big.NewInt(1), 64)
	for i := n - 1; i > 0; i-- {
		span, hi, lo := big.NewInt(int64(i+1)), new(big.Int), new(big.Int)
		least := new(big.Int).Mod(word, span)
		for {
			x := new(big.Int).SetUint64(source.Uint64())
			if hi.QuoRem(x.Mul(x, span), word, lo); lo.Cmp(least) >= 0 {
				break
			}
		}
		j := hi.Int64()
		order[i], order[j] = order[j], order[i]
	}
	return order
}

func TestNextDoesNotAllocate(t *testing.T) {
	s, err := data.NewSampler(1000, 10, nil)
	require.NoError(t, err)
	s.Next()
	require.LessOrEqual(t, testing.AllocsPerRun(10, func() { skip(s, 100) }), 1.0, "but for the source of an epoch")
}

func skip(s *data.Sampler, n int) {
	for range n {
		s.Next()
	}
}
