package runs

// This file is when failed saves become the loop's error.

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxFailures is how many saves in a row may fail before the loop is told.
	maxFailures = 3
	// maxFailing is how long all saves may fail before the loop is told.
	maxFailing = 30 * time.Minute
)

// health is what became of the last saves. It is the loop's goroutine's.
type health struct {
	inARow int
	since  time.Time // the last commit before the failures, or the first failure
	last   error     // of the newest save; nil if it was committed
	known  bool      // the program was told of last
}

// landed enters the result of a save.
func (h *health) landed(err error, now time.Time) {
	if err == nil {
		*h = health{since: now}
		return
	}
	if h.inARow == 0 && h.since.IsZero() {
		h.since = now
	}
	h.inARow++
	h.last, h.known = err, false
}

// verdict is the error that the loop must be told now, nil if it may go on.
func (h *health) verdict(now time.Time) error {
	switch {
	case h.last == nil:
		return nil
	case errors.Is(h.last, ErrFenced), errors.Is(h.last, ErrNotFinite):
		h.known = true
		return h.last
	case h.inARow >= maxFailures:
		h.known = true
		return fmt.Errorf("the last %d saves have failed: %w", h.inARow, h.last)
	case now.Sub(h.since) >= maxFailing:
		h.known = true
		return fmt.Errorf("nothing was saved for %v: %w", now.Sub(h.since).Round(time.Second), h.last)
	}
	return nil
}

// told notes that the program has got err.
func (h *health) told(err error) {
	if err != nil && errors.Is(h.last, err) {
		h.known = true
	}
}

// unreported is the error of the newest save, if the program was not told.
func (h *health) unreported() error {
	if h.known {
		return nil
	}
	h.known = true
	return h.last
}

// forget is for a state that is another one now.
func (h *health) forget(now time.Time) { *h = health{since: now} }
