package runs

// This file tells what happens: to the log, and to the program's observer, neither of which can
// break the run.

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
)

// A watcher tells the same events to log and observer, from any goroutine, one at a time and in
// one order. The observer must not wait for what waits for an event to be told.
type watcher struct {
	observer func(Event) // or nil
	log      *slog.Logger

	mu       sync.Mutex
	waiting  []Event         // to be told before the next
	panicked bool            // the observer has
	warned   map[string]bool // texts
}

func newWatcher(observer func(Event), log *slog.Logger) *watcher {
	return &watcher{observer: observer, log: log, warned: map[string]bool{}}
}

// tell returns when both have returned.
func (w *watcher) tell(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tellWaiting()
	w.toBoth(e)
}

// later has an event told before whatever is told next, or by catchUp: for a loop that must not wait for
// observers.
func (w *watcher) later(e Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, e)
}

// catchUp tells what is waiting.
func (w *watcher) catchUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tellWaiting()
}

func (w *watcher) tellWaiting() {
	for _, e := range w.waiting {
		w.toBoth(e)
	}
	w.waiting = w.waiting[:0]
}

// warnOnce tells a warning, unless it was told before.
func (w *watcher) warnOnce(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.warned[text] {
		w.warned[text] = true
		w.tellWaiting()
		w.toBoth(Warning{Text: text})
	}
}

func (w *watcher) toBoth(e Event) {
	w.write(e.entry())
	if w.observer == nil {
		return
	}
	failure := apart(func() { w.observer(e) })
	if failure != nil && !w.panicked {
		w.panicked = true
		w.write(entry{slog.LevelError, "the observer of the run panicked", []slog.Attr{
			slog.Any("event", e), slog.String("panic", fmt.Sprint(failure.value)), slog.String("stack", failure.stack),
		}})
	}
}

// write logs. A handler that panics has nobody to be told to.
func (w *watcher) write(e entry) {
	_ = apart(func() { w.log.LogAttrs(context.Background(), e.level, e.message, e.attrs...) })
}

type panicked struct {
	value any
	stack string
}

// apart calls f on a goroutine of its own, and waits. A panic of f is returned, and a goroutine
// that f ends, as a test does that fails, is not the run's.
func apart(f func()) (failure *panicked) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				failure = &panicked{value, string(debug.Stack())}
			}
		}()
		f()
	}()
	<-done
	return failure
}
