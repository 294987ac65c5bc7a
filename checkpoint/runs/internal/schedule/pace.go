package schedule

// This file is the lost-time budget: how long to wait after a save, from what saves cost.
//
// A save that costs c has been earned after c/budget of training. The wait is that time for a
// typical save, so that one slow save does not change it much; what slow ones cost beyond it
// stays owed, and is paid by longer waits over the next saves. So the average keeps to the
// budget, and only the longest wait allowed goes before it.

import (
	"fmt"
	"time"
)

const (
	// memory is the number of saves over which costs are averaged and debts paid.
	memory = 8
	// forgotten is how long a debt is remembered, as the training that would pay it.
	forgotten = 24 * time.Hour
)

type pace struct {
	budget   float64
	min, max time.Duration

	n     int           // saves before the last
	mean  time.Duration // of their costs, the later ones counting more
	last  time.Duration // cost of the last save, as far as known
	owed  time.Duration // just after the last save; never negative, so thrift is not spent later
	known bool          // there was a save
}

// saved notes a save, so long after the one before.
func (p *pace) saved(since, cost time.Duration) {
	if p.budget == 0 {
		return
	}
	if p.forced() {
		p.owed = 0 // by order of the longest wait: to be borne, not to be paid
	}
	p.owed = max(0, p.owed-time.Duration(p.budget*float64(since)))
	if p.known {
		p.mean = p.typical()
		p.n++
	}
	p.known, p.last = true, 0
	p.more(cost)
}

// more adds to what the last save cost.
func (p *pace) more(cost time.Duration) {
	p.last = add(p.last, cost)
	p.owed = min(add(p.owed, cost), time.Duration(p.budget*float64(forgotten)))
}

// typical is what a save costs: the plain average of the first ones, then one that forgets.
func (p *pace) typical() time.Duration {
	return p.mean + (p.last-p.mean)/time.Duration(min(p.n+1, memory))
}

// earned is the training that pays for the last save.
func (p *pace) earned() time.Duration {
	cost := p.typical()
	return p.worth(cost + max(0, p.owed-cost)/memory)
}

// worth is the training in which the budget is so much. It saturates at max, or above.
func (p *pace) worth(cost time.Duration) time.Duration {
	if limit := float64(p.max) + 1; float64(cost)/p.budget >= limit {
		return add(p.max, 1)
	}
	return time.Duration(float64(cost) / p.budget)
}

// interval is the wait after the last save.
func (p *pace) interval() time.Duration {
	return min(max(p.earned(), p.min), p.max)
}

// forced reports whether saves cost more than the budget, since max allows no longer waits.
func (p *pace) forced() bool { return p.worth(p.typical()) > p.max }

// explain is one line for the user.
func (p *pace) explain() string {
	wait := p.interval().Round(time.Second / 10)
	if !p.known {
		return fmt.Sprintf("after %v, since it is not known yet what a save costs", wait)
	}
	cost := p.typical()
	part := 100 * float64(cost) / float64(p.interval())
	line := fmt.Sprintf("every %v, for a save costs %v of training, %.2g %% of it", wait, round(cost), part)
	if p.forced() {
		line += fmt.Sprintf(": more than %.2g %%, but no longer wait is allowed", 100*p.budget)
	}
	return line
}

// round leaves three digits or so.
func round(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d/unit >= 1000 {
		unit *= 10
	}
	return d.Round(unit)
}
