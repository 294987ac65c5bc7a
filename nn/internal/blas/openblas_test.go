//go:build !purego && ((linux && !android) || (darwin && !ios)) && (amd64 || arm64)

package blas

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ebitengine/purego"
	"github.com/stretchr/testify/require"
)

func TestOpenBLASName(t *testing.T) {
	const config = "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Zen MAX_THREADS=64"
	require.Equal(t, "openblas 0.3.21 SkylakeX", openBLASName(config, "SkylakeX"))
	require.Equal(t, "openblas Zen", openBLASName("", "Zen"))
	require.Equal(t, 64, mostThreads(config))
	require.Zero(t, mostThreads("OpenBLAS 0.3.21 MAX_THREADS=x"))
	require.Zero(t, mostThreads(""))
}

func TestGateHoldsBack(t *testing.T) {
	require.EqualValues(t, 64, newGate("MAX_THREADS=64").most)
	g := newGate("")
	require.EqualValues(t, 48, g.most, "fewer than the least number of buffers")
	g.most = 3
	var inside, most atomic.Int32
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			g.enter()
			n := inside.Add(1)
			for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
			}
			time.Sleep(100 * time.Microsecond)
			inside.Add(-1)
			g.leave()
		})
	}
	all.Wait()
	require.LessOrEqual(t, most.Load(), int32(3))
	require.Zero(t, g.inside.Load())
}

// Whoever else is in the process may have set more.
func TestOpenBLASIsSetToOneThread(t *testing.T) {
	if _, err := findOpenBLAS(); err != nil {
		t.Skip(err)
	}
	var path string
	for _, path = range libraries() {
		if _, err := openOpenBLAS(path); err == nil {
			break
		}
	}
	handle, err := load(path)
	require.NoError(t, err)
	l := library{handle: handle}
	var threads func() int32
	l.function(&threads, "openblas_get_num_threads")
	setThreads := l.symbol("openblas_set_num_threads")
	require.NoError(t, l.err)
	purego.SyscallN(setThreads, 2)
	require.EqualValues(t, 2, threads())
	_, err = openOpenBLAS(path)
	require.NoError(t, err)
	require.EqualValues(t, 1, threads())
}

// More goroutines multiply than OpenBLAS has buffers for.
func TestManyCallsOfOpenBLAS(t *testing.T) {
	if _, err := findOpenBLAS(); err != nil {
		t.Skip(err)
	}
	require.NoError(t, Choose("openblas"))
	t.Cleanup(func() { require.NoError(t, Choose("")) })
	const n = 40
	a := make([]float64, n*n)
	for i := range a {
		a[i] = float64(i % 7)
	}
	want := make([]float64, n*n)
	GemmSerial(false, true, n, n, n, 1, a, n, a, n, 0, want, n)
	var all sync.WaitGroup
	for range 300 {
		all.Go(func() {
			for range 5 {
				got := make([]float64, n*n)
				GemmSerial(false, true, n, n, n, 1, a, n, a, n, 0, got, n)
				if got[n+1] != want[n+1] || got[n*n-1] != want[n*n-1] {
					t.Error("a wrong product")
				}
			}
		})
	}
	all.Wait()
}
