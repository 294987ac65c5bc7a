package workers_test

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/nn/internal/workers"
)

func onCores(t *testing.T, n int) {
	old := runtime.GOMAXPROCS(n)
	t.Cleanup(func() { runtime.GOMAXPROCS(old) })
}

func requireOnceEach(t *testing.T, n int) {
	t.Helper()
	calls := make([]atomic.Int32, n)
	workers.Run(n, func(i int) { calls[i].Add(1) })
	for i := range calls {
		require.EqualValues(t, 1, calls[i].Load(), "%d of %d", i, n)
	}
}

func TestRunCallsOnceEach(t *testing.T) {
	for _, cores := range []int{1, 2, 8, 3} {
		onCores(t, cores)
		for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 1000} {
			requireOnceEach(t, n)
		}
	}
}

// Between two sections the workers are awake, or asleep, or about to be either.
func TestSectionsAfterPauses(t *testing.T) {
	onCores(t, 3)
	for i := range 300 {
		requireOnceEach(t, 8)
		for begin := time.Now(); time.Since(begin) < time.Duration(i)*time.Microsecond/2; {
		}
	}
}

func TestBlocksTile(t *testing.T) {
	onCores(t, 4)
	for _, c := range []struct{ n, size int }{{0, 5}, {1, 5}, {5, 5}, {6, 5}, {99, 16}, {100, 1}} {
		places := make([]int32, c.n)
		workers.Blocks(c.n, c.size, func(begin, end int) {
			if begin%c.size != 0 || end <= begin || end > min(c.n, begin+c.size) {
				t.Errorf("block %d to %d of %d in %d", begin, end, c.n, c.size)
			}
			for i := begin; i < end; i++ {
				places[i]++
			}
		})
		for i, times := range places {
			require.EqualValues(t, 1, times, "%d of %v", i, c)
		}
	}
}

// Two calls that wait for each other end only where both are under way.
func TestCallsRunAtTheSameTime(t *testing.T) {
	onCores(t, 4)
	for range 20 {
		var here sync.WaitGroup
		here.Add(4)
		workers.Run(4, func(int) {
			here.Done()
			here.Wait()
		})
	}
}

func TestOneCoreIsTheCaller(t *testing.T) {
	onCores(t, 1)
	var order []int
	workers.Run(5, func(i int) { order = append(order, i) })
	require.Equal(t, []int{0, 1, 2, 3, 4}, order)
}

// At most GOMAXPROCS calls run at a time, whatever it was before.
func TestCoresCanBecomeFewer(t *testing.T) {
	onCores(t, 8)
	requireOnceEach(t, 100)
	onCores(t, 2)
	var now, most atomic.Int32
	workers.Run(200, func(int) {
		n := now.Add(1)
		for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
		}
		time.Sleep(10 * time.Microsecond)
		now.Add(-1)
	})
	require.LessOrEqual(t, most.Load(), int32(2))
}

func TestRunInsideOfRun(t *testing.T) {
	onCores(t, 4)
	var calls atomic.Int64
	workers.Run(10, func(int) {
		workers.Run(10, func(int) {
			workers.Blocks(10, 3, func(begin, end int) { calls.Add(int64(end - begin)) })
		})
	})
	require.EqualValues(t, 1000, calls.Load())
}

func TestManyCallers(t *testing.T) {
	onCores(t, 4)
	var callers sync.WaitGroup
	for caller := range 20 {
		callers.Go(func() {
			for round := range 50 {
				sums := make([]int, 9)
				workers.Run(len(sums), func(i int) { sums[i] += caller*round + i })
				for i, sum := range sums {
					if sum != caller*round+i {
						t.Errorf("caller %d, round %d: %v", caller, round, sums)
						return
					}
				}
			}
		})
	}
	callers.Wait()
}

// It does not matter on which goroutine a call panics: Run does, with the same value, once
// no call runs any more, and the next Run is as if nothing had been.
func TestPanicsReachTheCaller(t *testing.T) {
	onCores(t, 4)
	for panicking := range 8 {
		var running, after atomic.Int32
		require.PanicsWithValue(t, "no", func() {
			var here sync.WaitGroup
			here.Add(4)
			workers.Run(1000, func(i int) {
				running.Add(1)
				defer running.Add(-1)
				if i < 4 {
					here.Done()
					here.Wait()
				}
				if i == panicking {
					panic("no")
				}
				if i > 7 {
					after.Add(1)
					time.Sleep(10 * time.Microsecond)
				}
			})
		})
		require.Zero(t, running.Load())
		require.Less(t, after.Load(), int32(992), "those that had not begun are not made")
		requireOnceEach(t, 100)
	}
	require.PanicsWithValue(t, "all", func() { workers.Run(100, func(int) { panic("all") }) })
	requireOnceEach(t, 100)
}

// However many sections there are at a time, there are no more workers than cores.
func TestGoroutinesStayFew(t *testing.T) {
	onCores(t, 4)
	before := runtime.NumGoroutine()
	var callers sync.WaitGroup
	for range 20 {
		callers.Go(func() {
			for range 20 {
				workers.Run(4, func(int) { workers.Run(4, func(int) { time.Sleep(time.Microsecond) }) })
			}
		})
	}
	callers.Wait()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+3+1 }, // one asks
		5*time.Second, time.Millisecond)
}

func TestRunAllocatesNothing(t *testing.T) {
	if raced {
		t.Skip("the race detector has pools forget")
	}
	onCores(t, 4)
	f, block := func(int) {}, func(int, int) {}
	require.Less(t, allocations(func() { workers.Run(8, f) }), 0.5)
	require.Less(t, allocations(func() { workers.Blocks(8, 3, block) }), 0.5)
}

// allocations is testing.AllocsPerRun on as many cores as there are.
func allocations(f func()) float64 {
	const times = 200
	var before, after runtime.MemStats
	f()
	runtime.ReadMemStats(&before)
	for range times {
		f()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / times
}
