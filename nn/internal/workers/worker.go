package workers

// This file is the goroutines that help, which wait for the next section awake for a moment:
// sections often follow each other closely, and to wake a thread takes longer than a small
// block does.

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// awake is how long a worker waits before it sleeps. A thread takes some 10 us to wake on
	// bare metal and 150 on a virtual machine; to wait for longer takes from other processes.
	awake = 50 * time.Microsecond
	// patience is how long a caller waits for the last worker likewise. It is shorter, for
	// where other processes use the cores too, the worker may be waiting for this one.
	patience = 20 * time.Microsecond
	// yielding is how often it lets others run in that time.
	yielding = 16 * time.Microsecond
)

// worker is a goroutine that helps in one section after the other, for the rest of the
// process.
type worker struct {
	job    atomic.Pointer[section] // what it is asked to help with, until it comes
	asleep atomic.Bool
	wake   chan struct{}
}

// idle is the workers that nobody has asked, and the number of all: as many as have been
// wanted at the same time, and one less than cores at most.
var idle struct {
	sync.Mutex
	workers []*worker
	all     int
}

// recruit asks up to count idle workers to help, those first who have been idle for the
// shortest time.
func (s *section) recruit(count int) {
	idle.Lock()
	for len(idle.workers) < count && idle.all < runtime.GOMAXPROCS(0)-1 {
		w := &worker{wake: make(chan struct{}, 1)}
		idle.workers = append(idle.workers, w)
		idle.all++
		go w.run()
	}
	first := max(0, len(idle.workers)-count)
	s.crew = append(s.crew, idle.workers[first:]...)
	idle.workers = idle.workers[:first]
	idle.Unlock()
	for _, w := range s.crew {
		w.ask(s)
	}
}

// rest makes w idle.
func (w *worker) rest() {
	idle.Lock()
	idle.workers = append(idle.workers, w)
	idle.Unlock()
}

func (w *worker) ask(s *section) {
	w.job.Store(s)
	if w.asleep.CompareAndSwap(true, false) {
		w.wake <- struct{}{}
	}
}

func (w *worker) run() {
	for {
		if s := w.job.Swap(nil); s != nil {
			s.help(w)
			continue
		}
		if spin(awake, func() bool { return w.job.Load() != nil }) {
			continue
		}
		w.asleep.Store(true)
		// Who asked before that did not see it, and wakes nobody.
		if w.job.Load() == nil || !w.asleep.CompareAndSwap(true, false) {
			<-w.wake
		}
	}
}

// spin waits for something to be so, for as long as it is told, and says whether it is.
func spin(most time.Duration, so func() bool) bool {
	begin := time.Now()
	for waited, yielded := time.Duration(0), time.Duration(0); waited < most; waited = time.Since(begin) {
		if so() {
			return true
		}
		if waited-yielded > yielding {
			runtime.Gosched()
			yielded = waited
		}
	}
	return so()
}
