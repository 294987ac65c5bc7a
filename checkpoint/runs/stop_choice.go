package runs

// This file is what is still saved when a process is about to be killed.

import (
	"fmt"
	"time"
)

// A stopChoice is what to do between a signal and its deadline.
type stopChoice int

const (
	saveNothing     stopChoice = iota
	waitForSnapshot            // the copy that is being written
	saveNow                    // the present step
)

func (c stopChoice) String() string {
	switch c {
	case saveNow:
		return "save"
	case waitForSnapshot:
		return "wait"
	case saveNothing:
	}
	return "nothing"
}

// atStop chooses, and says why. remaining is the time to the deadline; expectedSave is how long
// a save takes until it is durable, 0 if that is not known; sinceCommit is the age of the
// newest durable state, which is good enough up to freshEnough.
//
// A save is begun only if one and a half times what it takes is left, and the copy that is being
// written, which it would have to wait for, counts as another one. Where it is not known what a save takes,
// the one in hand is finished, or one is tried: nothing is worse for it than without.
func atStop(remaining, expectedSave time.Duration, inFlight bool, sinceCommit, freshEnough time.Duration) (stopChoice, string) {
	needed := expectedSave + expectedSave/2
	if inFlight {
		needed += expectedSave
	}
	switch {
	case sinceCommit <= freshEnough:
		return saveNothing, fmt.Sprintf("the last save is only %v old", short(sinceCommit))
	case remaining <= 0:
		return saveNothing, "there is no time left"
	case expectedSave > 0 && needed <= remaining:
		return saveNow, fmt.Sprintf("a save takes %v, and there are %v left", short(expectedSave), short(remaining))
	case inFlight:
		return waitForSnapshot, fmt.Sprintf("another save after the one being written may not end within %v", short(remaining))
	case expectedSave <= 0:
		return saveNow, fmt.Sprintf("there are %v left; it is not known how long a save takes", short(remaining))
	}
	return saveNothing, fmt.Sprintf("a save takes %v, and there are only %v left; the last one is %v old", short(expectedSave), short(remaining), short(sinceCommit))
}

// short is d to three digits or so.
func short(d time.Duration) time.Duration {
	unit := time.Nanosecond
	for d/unit >= 1000 || d/unit <= -1000 {
		unit *= 10
	}
	return d.Round(unit)
}
