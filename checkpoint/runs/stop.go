package runs

// This file is signals: the first one asks the loop to end, the second ends the process.

import (
	"os"
	"os/signal"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// A stopper listens to signals until close. Nil is one that hears nothing. Its methods may be
// called from any goroutine.
type stopper struct {
	grace   time.Duration
	first   atomic.Pointer[heard]
	request atomic.Bool
	system  signalSystem

	signals   chan os.Signal
	done      chan struct{}
	closeOnce sync.Once
	listening sync.WaitGroup
}

// heard is the signal that asks to stop.
type heard struct {
	signal os.Signal
	at     time.Time
}

// A signalSystem is what the stopper needs of the operating system.
type signalSystem struct {
	notify func(chan<- os.Signal, ...os.Signal)
	stop   func(chan<- os.Signal)
	// again does to the process what the signal would have done, had nobody listened.
	again func(os.Signal)
}

// stopSignals ask to end. A closed window and a shutdown are SIGTERM on Windows.
func stopSignals() []os.Signal { return []os.Signal{os.Interrupt, syscall.SIGTERM} }

// newStopper listens to the process's signals. grace is the time from the first of them to
// when the process must have ended. A signal that the process was started to ignore, as shells do
// with Ctrl-C for commands in the background, stays ignored.
func newStopper(grace time.Duration) *stopper {
	return listenTo(grace, signalSystem{
		notify: func(c chan<- os.Signal, all ...os.Signal) {
			// With no signal at all, Notify would relay every one.
			if all = slices.DeleteFunc(all, signal.Ignored); len(all) > 0 {
				signal.Notify(c, all...)
			}
		},
		stop:  signal.Stop,
		again: raise,
	})
}

func listenTo(grace time.Duration, system signalSystem) *stopper {
	s := &stopper{
		grace: grace, system: system,
		signals: make(chan os.Signal, 4), // a full one drops signals
		done:    make(chan struct{}),
	}
	s.system.notify(s.signals, append(stopSignals(), requestSignals()...)...)
	s.listening.Go(s.listen)
	return s
}

// listen returns after the second signal that asks to stop.
func (s *stopper) listen() {
	for {
		select {
		case got := <-s.signals:
			if slices.Contains(requestSignals(), got) {
				s.request.Store(true)
				continue
			}
			if s.first.CompareAndSwap(nil, &heard{got, time.Now()}) {
				continue
			}
			s.system.stop(s.signals)
			s.system.again(got)
			return
		case <-s.done:
			return
		}
	}
}

// stopping reports whether a signal has asked to end.
func (s *stopper) stopping() bool { return s != nil && s.first.Load() != nil }

// signal is the one that asked, nil if none did.
func (s *stopper) signal() os.Signal {
	if !s.stopping() {
		return nil
	}
	return s.first.Load().signal
}

// deadline is when the process must have ended; the zero time if nothing asked.
func (s *stopper) deadline() time.Time {
	if !s.stopping() {
		return time.Time{}
	}
	return s.first.Load().at.Add(s.grace)
}

// requested reports whether a signal has asked for a save since the last call.
func (s *stopper) requested() bool { return s != nil && s.request.Swap(false) }

// close stops listening: from now on signals do what they would have done. It waits for the
// listener, and may be called again.
func (s *stopper) close() {
	if s == nil {
		return
	}
	s.closeOnce.Do(func() {
		s.system.stop(s.signals)
		close(s.done)
	})
	s.listening.Wait()
}
