package retain

// This file is what a user can ask to be kept.

import (
	"fmt"
	"time"
)

// A Policy is a set of rules. A checkpoint stays when one of them, or more, keeps it. The zero
// value of each field but Last means that there is no such rule.
type Policy struct {
	// Last keeps the newest n. At least 2: the one that a crash spoils must not be the only one.
	Last int
	// Best keeps the best by a metric.
	Best []Best
	// EverySteps keeps, for ever, the first checkpoint at or past each positive multiple.
	EverySteps int64
	// Every keeps, for ever, the first checkpoint in each window of so much stored time.
	Every time.Duration
	// Ages keeps for each age the youngest checkpoint at least so old, and the oldest of the
	// younger ones, which will take its place. From the moment at which something is that old
	// there always is such a one, and it is at most twice that old, plus the time between saves.
	Ages []time.Duration
	// MaxBytes is what the whole lineage may take on disk, each file once. Above it go first
	// what EverySteps and Every keep, then Ages, Best (the worst first), Last, and of each the
	// oldest first. What any policy keeps stays even so, and the plan warns of it.
	MaxBytes int64
}

// Best keeps the K checkpoints with the best numbers of a metric. NaN or no number never
// takes a place; infinities are numbers. Of equal ones the earlier step is better. A step counts
// once, though going back to it left it in two generations.
type Best struct {
	Metric string
	Lowest bool // smaller is better; else larger
	K      int
}

// Default keeps the last 3, one at least an hour old and one at least a day old: about seven
// checkpoints in all.
func Default() Policy {
	return Policy{Last: 3, Ages: []time.Duration{time.Hour, 24 * time.Hour}}
}

// Check says what is wrong with a policy.
func (p Policy) Check() error {
	if p.Last < 2 {
		return fmt.Errorf("retain: keep the last %d: want at least 2, since one may be spoiled by a crash", p.Last)
	}
	for _, b := range p.Best {
		if err := b.check(); err != nil {
			return err
		}
	}
	if p.EverySteps < 0 {
		return fmt.Errorf("retain: keep every %d steps: want a positive number, or 0 for none", p.EverySteps)
	}
	if p.Every < 0 {
		return fmt.Errorf("retain: keep every %v: want a positive duration, or 0 for none", p.Every)
	}
	for _, age := range p.Ages {
		if age <= 0 || age > maxAge {
			return fmt.Errorf("retain: keep one at least %v old: want more than 0, at most %v", age, maxAge)
		}
	}
	if p.MaxBytes < 0 {
		return fmt.Errorf("retain: keep at most %d bytes: want a positive number, or 0 for no limit", p.MaxBytes)
	}
	return nil
}

func (b Best) check() error {
	if b.Metric == "" {
		return fmt.Errorf("retain: keep the best %d: want the name of a metric, got none", b.K)
	}
	if b.K < 1 {
		return fmt.Errorf("retain: keep the best %d by %s: want at least 1", b.K, b.order())
	}
	return nil
}

// order is the metric and its direction, for messages.
func (b Best) order() string {
	if b.Lowest {
		return "lowest " + b.Metric
	}
	return "highest " + b.Metric
}
