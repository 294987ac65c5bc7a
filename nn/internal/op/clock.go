package op

// This file is how long ops take.

import (
	"sync/atomic"
	"time"
)

// clock is told of each run of an op; nil where nobody asks.
var clock atomic.Pointer[func(name string, took time.Duration)]

// Profile has report called with the name of each op that has run and how long it took; nil ends that.
// Gradients have "_grad" at the end of their names. Nodes that only hand on what another has computed are
// not told of.
func Profile(report func(name string, took time.Duration)) {
	if report == nil {
		clock.Store(nil)
		return
	}
	clock.Store(&report)
}

// begin is now, or zero where nobody asks.
func begin() (now time.Time) {
	if clock.Load() != nil {
		now = time.Now()
	}
	return now
}

// tell tells of a run that began at begin.
func (n *node) tell(begin time.Time) {
	if begin.IsZero() {
		return
	}
	if report := clock.Load(); report != nil {
		(*report)(n.name, time.Since(begin))
	}
}
