// Package workers runs the blocks of one computation on all cores.
package workers

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Run calls f(i) once for each i from 0 to n-1, on up to GOMAXPROCS goroutines, and returns
// when all calls have. Which goroutine runs which i is not fixed, so the blocks of a
// computation may depend on its shape only, and no two may write to one place: then its bits
// do not depend on the number of cores.
func Run(n int, f func(i int)) {
	count := min(n, runtime.GOMAXPROCS(0))
	if count <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	work := func() {
		for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
			f(i)
		}
	}
	var others sync.WaitGroup
	for range count - 1 {
		others.Go(work)
	}
	work()
	others.Wait()
}

// Blocks calls f(begin, end) for consecutive blocks of size elements of 0 to n, the last of
// which may be smaller. size must be a function of the shape of the computation alone.
func Blocks(n, size int, f func(begin, end int)) {
	Run((n+size-1)/size, func(i int) {
		f(i*size, min(n, (i+1)*size))
	})
}
