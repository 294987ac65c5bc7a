package httprange

// This file decides how long to wait before a retry, and waits.

import (
	"context"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// pause is the wait before retry number n, which counts from 1: base doubled n-1
// times less up to a half, or what the server asks for if that is longer. It is
// maxPause at most.
func pause(base time.Duration, n int, after time.Duration) time.Duration {
	d := min(base, maxPause)
	for range n - 1 {
		if d >= maxPause {
			break
		}
		d = min(2*d, maxPause)
	}
	// Clients that failed together must not come back together.
	d -= rand.N(d/2 + 1)
	return min(max(d, after), maxPause)
}

// retryAfter is the pause that Retry-After asks for, in seconds or until a date;
// 0 without one.
func retryAfter(h http.Header) time.Duration {
	text := h.Get("Retry-After")
	if s, err := strconv.ParseUint(text, 10, 32); err == nil {
		return time.Duration(s) * time.Second
	}
	if t, err := http.ParseTime(text); err == nil {
		return max(time.Until(t), 0)
	}
	return 0
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ended(ctx)
	case <-t.C:
		return nil
	}
}
