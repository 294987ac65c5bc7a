// Package workers runs the blocks of one computation on all cores.
package workers

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Run calls f(i) once for each i from 0 to n-1, on up to GOMAXPROCS goroutines of which the
// caller is one, and returns when all calls have. Which goroutine runs which i is not fixed,
// so the blocks of a computation may depend on its shape only, and no two may write to one
// place: then its bits do not depend on the number of cores.
//
// Any number of goroutines may call Run, and f may: a Run that finds no worker idle does all
// by itself. When a call panics, Run panics with the same value after the calls that had
// begun, and the others are not made; f must not call runtime.Goexit. (To see where a call on another goroutine panicked, run
// with GOMAXPROCS=1.)
func Run(n int, f func(i int)) {
	run(n, job{f: f})
}

// Blocks calls f(begin, end) for consecutive blocks of size elements of 0 to n, the last of
// which may be smaller, as Run does. size must be a function of the shape of the computation
// alone.
func Blocks(n, size int, f func(begin, end int)) {
	run((n+size-1)/size, job{block: f, size: size, length: n})
}

func run(n int, what job) {
	count := min(n, runtime.GOMAXPROCS(0))
	if count <= 1 {
		for i := range n {
			what.call(i)
		}
		return
	}
	s := sections.Get().(*section)
	s.job, s.n = what, int64(n)
	s.recruit(count - 1)
	defer s.end() // when a call panics, too: the others use what it used
	s.work()
}

// job is what Run or Blocks was given.
type job struct {
	f            func(i int)
	block        func(begin, end int)
	size, length int
}

func (j *job) call(i int) {
	if j.f != nil {
		j.f(i)
		return
	}
	j.block(i*j.size, min(j.length, (i+1)*j.size))
}

// section is one Run in work.
type section struct {
	job
	n    int64
	next atomic.Int64 // the first i that is nobody's yet
	crew []*worker    // those who were asked to help

	// left is the workers that are still at it, once the caller has counted those that
	// came; before, what it is below 0 is those that have left. Who makes it 0 says so.
	left   atomic.Int64
	done   chan struct{}
	failed atomic.Pointer[failure]
}

// failure is the value of a panic.
type failure struct{ value any }

var sections = sync.Pool{New: func() any { return &section{done: make(chan struct{}, 1)} }}

func (s *section) work() {
	for i := s.next.Add(1) - 1; i < s.n; i = s.next.Add(1) - 1 {
		s.call(int(i))
	}
}

// help is work on the goroutine of w. The caller gets to know of a panic, and w can be asked
// again from before that it knows w to be done: it may have its next section by then.
func (s *section) help(w *worker) {
	defer func() {
		if value := recover(); value != nil {
			s.next.Store(s.n)
			s.failed.CompareAndSwap(nil, &failure{value})
		}
		w.rest()
		if s.left.Add(-1) == 0 {
			s.done <- struct{}{}
		}
	}()
	s.work()
}

// end waits for the workers that came, and sends away those that have not yet.
func (s *section) end() {
	s.next.Store(s.n)
	came := int64(0)
	for _, w := range s.crew {
		if w.job.CompareAndSwap(s, nil) {
			w.rest()
		} else {
			came++
		}
	}
	if s.left.Add(came) != 0 {
		spin(patience, func() bool { return s.left.Load() == 0 })
		<-s.done
	}
	failed := s.failed.Load()
	clear(s.crew)
	s.job, s.crew = job{}, s.crew[:0]
	s.next.Store(0)
	s.failed.Store(nil)
	sections.Put(s)
	if failed != nil {
		panic(failed.value)
	}
}
