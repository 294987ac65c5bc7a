package runs

// This file is the training time that saves cost beside the copy: what the loop waits, and how
// much slower steps are while a save is written beside them.

import (
	"slices"
	"time"
)

// A meter is told when the loop calls (enter, exit), and when a save begins and ends to be
// written in the background (lift, land). It has no clock. It is the loop's goroutine's.
//
// What a save costs beside it is the sum, over the steps beside it, of how much longer they took than
// steps do alone. Steps vary, so a single difference may be negative; it counts as that. Were
// negative ones dropped, noise alone would cost time; so would a median as the time of a step
// alone, as slow steps are further from it than fast ones. A sum that is negative in the end is
// no gain: it is carried over to later saves, so that no save has a negative cost and the total
// stays right.
//
// A step many times longer than others is a pause: somebody evaluates the model. It says
// nothing of saves, and the time of a save in it is taken to cost what it costs at other steps.
type meter struct {
	entered, left time.Time // the last call; left is zero before the first
	alone, beside stepTimes
	flying        bool
	flight        flightCost
	known         flightCost // of all flights
	credit        time.Duration
	stepped       time.Duration // in steps
	slowed        time.Duration // of it, by saves
	blocked       time.Duration // in calls
}

// A flightCost is what is known of one save.
type flightCost struct {
	from      time.Time     // since when a call counts as waiting
	step      time.Duration // a step alone; 0 if that is not known
	median    time.Duration
	slower    time.Duration // the sum of differences
	seen      time.Duration // the steps that it is of
	waited    time.Duration // in calls
	pauses    time.Duration // beside the save
	lastPause time.Duration // the last step, if it is one
}

func newMeter() *meter { return &meter{} }

// enter says that a step has ended: the loop has called.
func (m *meter) enter(now time.Time) {
	if !m.left.IsZero() {
		m.step(max(0, now.Sub(m.left)))
	}
	m.entered, m.flight.from = now, now
}

// exit says that the loop goes on. The first one may have no enter.
func (m *meter) exit(now time.Time) {
	if !m.entered.IsZero() {
		m.blocked += max(0, now.Sub(m.entered))
	}
	if m.flying {
		m.flight.waited += max(0, now.Sub(m.flight.from))
	}
	m.left = now
}

// lift says that a copy is made, and will be written while the loop goes on. It must be told
// in a call.
func (m *meter) lift(now time.Time) {
	m.flying = true
	m.flight = flightCost{from: now}
	m.flight.step, m.flight.median = m.alone.typical()
}

// land says that the writing has ended, at some time since lift, and returns what it cost. It must be
// told in a call.
func (m *meter) land(ended time.Time) time.Duration {
	if !m.flying {
		return 0
	}
	m.flying = false
	f := &m.flight
	f.waited += max(0, ended.Sub(f.from))
	if after := m.entered.Sub(ended); after > 0 && f.lastPause > 0 {
		f.pauses -= min(after, f.lastPause)
	}
	m.known.slower += f.slower
	m.known.seen += f.seen
	slowed := m.carry(f.slower + time.Duration(m.rate()*float64(f.pauses)))
	m.slowed += slowed
	return f.waited + slowed
}

// totals is what saves have cost in all, the copies included, and the time of training
// that there would have been without them. Steps beside a save that is not over count as trained.
func (m *meter) totals() (lost, trained time.Duration) {
	return m.blocked + m.slowed, m.stepped - m.slowed
}

// share is the part of all time that saves have cost, 0 to 1.
func (m *meter) share() float64 {
	lost, trained := m.totals()
	if lost <= 0 {
		return 0
	}
	return float64(lost) / float64(lost+max(0, trained))
}

// step takes the time of one step.
func (m *meter) step(d time.Duration) {
	m.stepped += d
	if !m.flying {
		m.alone.add(d)
		return
	}
	f := &m.flight
	m.beside.add(d)
	f.lastPause = 0
	switch {
	case f.step == 0:
	case m.isPause(d):
		f.pauses += d
		f.lastPause = d
	default:
		f.slower += d - f.step
		f.seen += d
	}
}

// pauseFactor is how many times longer than others a step is that is none.
const pauseFactor = 10

// isPause compares a step beside a save with others: with those beside saves as well, for a save
// can make short steps many times longer.
func (m *meter) isPause(d time.Duration) bool {
	if d <= pauseFactor*m.flight.median {
		return false
	}
	const enough = 3
	return m.beside.n < enough || d > pauseFactor*m.beside.median()
}

// rate is what a second of writing costs in training time.
func (m *meter) rate() float64 {
	if m.known.seen <= 0 {
		return 0
	}
	return min(1, max(0, float64(m.known.slower)/float64(m.known.seen)))
}

// carry makes a cost of a difference that may be negative, and keeps the rest for the next. What
// is kept is forgotten over many saves, so that a mistake of long ago hides nothing.
func (m *meter) carry(difference time.Duration) time.Duration {
	const remembered = 64
	sum := difference + m.credit
	cost := max(0, sum)
	m.credit = (sum - cost) / remembered * (remembered - 1)
	return cost
}

// stepTimes are the times of the last steps.
type stepTimes struct {
	ring [64]time.Duration
	n    int // of all steps
}

func (s *stepTimes) add(d time.Duration) {
	s.ring[s.n%len(s.ring)] = d
	s.n++
}

func (s *stepTimes) sorted() []time.Duration {
	return slices.Sorted(slices.Values(s.ring[:min(s.n, len(s.ring))]))
}

func (s *stepTimes) median() time.Duration {
	all := s.sorted()
	return all[len(all)/2]
}

// typical is the mean of the steps that are no pauses, and the median of all; 0 as long as there
// were only few.
func (s *stepTimes) typical() (mean, median time.Duration) {
	const enough = 8
	if s.n < enough {
		return 0, 0
	}
	all := s.sorted()
	median = all[len(all)/2]
	var sum time.Duration
	n := 0
	for _, d := range all {
		if d <= pauseFactor*median {
			sum += d
			n++
		}
	}
	return sum / time.Duration(n), median
}
