package schedule

// This file is the lost-time budget: how long to wait after a save, from what saves cost.
//
// A save that costs c has been earned after c/budget of training. The wait is that time for a
// typical save, so that one slow save does not change it much; what slow ones cost beyond it
// stays owed, and is paid by longer waits over the next saves. So the average keeps to the
// budget, and only the longest wait allowed goes before it.

import (
	"fmt"
	"slices"
	"time"
)

const (
	// memory is the number of saves that say what is typical.
	memory = 8
	// rates is the number of saves over which a debt is paid, or nearly.
	rates = 4
	// forgotten is the training that would pay the largest debt that is remembered: a disk that
	// was slow for a day does not make saves rare for a week.
	forgotten = 4 * time.Hour
)

type pace struct {
	budget   float64
	min, max time.Duration

	costs []time.Duration // of the last saves, up to memory; of the last one as far as known
	owed  time.Duration   // just after the last save; never negative, so thrift is not spent later

	typical time.Duration // the median of costs
	earned  time.Duration // the training that pays for the last save
}

// saved notes a save, so long after the one before.
func (p *pace) saved(since, cost time.Duration) {
	if p.budget == 0 {
		return
	}
	paid := time.Duration(p.budget * float64(since))
	if p.worth(p.typical) > p.max {
		paid = max(paid, p.typical) // more was not possible: it is to be borne, not to be paid
	}
	p.owed = max(0, p.owed-paid)
	p.costs = append(p.costs, 0)
	p.costs = p.costs[max(0, len(p.costs)-memory):]
	p.more(cost)
}

// more adds to what the last save cost.
func (p *pace) more(cost time.Duration) {
	if len(p.costs) == 0 {
		return
	}
	last := &p.costs[len(p.costs)-1]
	*last = add(*last, cost)
	p.owed = min(add(p.owed, cost), time.Duration(p.budget*float64(forgotten)))
	p.typical = median(p.costs)
	p.earned = p.worth(add(p.typical, max(0, p.owed-p.typical)/rates))
}

// median is the larger of two in the middle.
func median(costs []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(costs))[len(costs)/2]
}

// worth is the training in which the budget is so much; if that is longer than max, then
// anything that is longer.
func (p *pace) worth(cost time.Duration) time.Duration {
	if float64(cost)/p.budget > float64(p.max) {
		return add(p.max, 1)
	}
	return time.Duration(float64(cost) / p.budget)
}

// interval is the wait after the last save.
func (p *pace) interval() time.Duration { return min(max(p.earned, p.min), p.max) }

// forced reports whether the wait is shorter than the budget asks for.
func (p *pace) forced() bool { return p.earned > p.max }

// explain is one line for the user.
func (p *pace) explain() string {
	wait := p.interval()
	if len(p.costs) == 0 {
		return fmt.Sprintf("after %v, since it is not known yet what a save costs", wait)
	}
	part := 100 * float64(p.typical) / float64(wait)
	line := fmt.Sprintf("every %v, for a save costs %v of training, %.2g %% of it", round(wait), round(p.typical), part)
	switch {
	case p.worth(p.typical) > p.max:
		line += fmt.Sprintf(": more than %.2g %%, but no longer wait is allowed", 100*p.budget)
	case p.owed > 2*p.typical && wait > p.min:
		line += fmt.Sprintf(", and %v are to be made up for", round(p.owed-p.typical))
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
