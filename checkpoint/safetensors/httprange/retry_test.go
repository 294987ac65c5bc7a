package httprange

// This file tests requests that have to be made more than once.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A body that breaks off goes on where it stopped.
func TestBodiesBreakOff(t *testing.T) {
	s := serve(t, noise(300_000))
	s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 || n%2 == 1 {
			s.give(&cut{w, 10_000}, r)
			drop()
		}
		return false
	}
	var pauses []time.Duration
	r := open(t, s.URL, eager(&pauses))
	requirePart(t, r, s.file, 0, 300_000)
	require.Equal(t, []string{
		"bytes=0-99999", "bytes=10000-99999", "bytes=20000-99999",
		"bytes=100000-299999", "bytes=110000-299999",
	}, s.ranges())
	require.Len(t, pauses, 3)
}

// A chunked body may end early without an error.
func TestBodyWithoutLengthIsShort(t *testing.T) {
	s := serve(t, noise(300_000))
	short := part(nil, right, func(b []byte) []byte { return b[:7] })
	s.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n == 1 {
			short(s, w, 150_000, 150_100)
		}
		return n == 1
	}
	requirePart(t, open(t, s.URL, nil), s.file, 150_000, 150_100)
	require.Equal(t, "bytes=150007-150099", s.ranges()[2])
}

// A server may give less than was asked for; a line may break often. What counts
// is progress.
func TestServerGivesLittleAtATime(t *testing.T) {
	for step, want := range map[int]error{64 << 10: nil, 64<<10 - 1: ErrProtocol} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			s := serve(t, noise(1_000_000))
			s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
				var begin, last int
				fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &begin, &last)
				r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", begin, min(last, begin+step-1)))
				return false
			}
			var pauses []time.Duration
			r := open(t, s.URL, eager(&pauses))
			p := make([]byte, 900_000)
			n, err := r.ReadAt(p, 100_000)
			require.ErrorIs(t, err, want)
			if want == nil {
				require.Equal(t, len(p), n)
			} else {
				require.Equal(t, 6*step, n)
			}
			require.Equal(t, s.file[100_000:][:n], p[:n])
			require.Empty(t, pauses, "there is nothing to wait for")
		})
	}
}

func TestLineBreaksForeverWithProgress(t *testing.T) {
	s := serve(t, noise(2_000_000))
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		s.give(&cut{w, 70_000}, r)
		drop()
		return true
	}
	requirePart(t, open(t, s.URL, nil), s.file, 0, 2_000_000)
	require.Len(t, s.ranges(), 2+28)
}

func TestServerIsBusy(t *testing.T) {
	for _, status := range []int{408, 429, 500, 502, 503, 504} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			s := serve(t, noise(300_000))
			busy := 5
			s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
				if busy--; busy >= 0 {
					w.Header().Set("Retry-After", "7")
					w.WriteHeader(status)
				}
				return busy >= 0
			}
			var pauses []time.Duration
			r := open(t, s.URL, eager(&pauses))
			require.Len(t, pauses, 5)
			require.Equal(t, []time.Duration{7 * time.Second, 7 * time.Second, 7 * time.Second}, pauses[:3])
			busy = 6
			e := readErr(t, r, 200_000, 1)
			require.Equal(t, 6, e.Attempts)
			require.Equal(t, status, e.Status)
			require.ErrorContains(t, e, "after 6 attempts")
			requirePart(t, r, s.file, 200_000, 200_001)
		})
	}
}

func TestConnectionIsDroppedBeforeTheAnswer(t *testing.T) {
	s := serve(t, noise(300_000))
	s.instead = func(n int, _ http.ResponseWriter, _ *http.Request) bool {
		if n > 0 {
			drop()
		}
		return false
	}
	r := open(t, s.URL, nil)
	e := readErr(t, r, 200_000, 10)
	require.Equal(t, 6, e.Attempts)
	require.ErrorIs(t, e, io.ErrUnexpectedEOF)
	require.NotErrorIs(t, e, io.EOF, "which would be the end of the file")
}

func TestNoRetries(t *testing.T) {
	s := serve(t, noise(10))
	s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	for name, call := range map[string]func(o *Options) error{
		"NewReader": func(o *Options) error { _, err := NewReader(t.Context(), s.URL, o); return err },
		"Open":      func(o *Options) error { _, err := Open(t.Context(), s.URL, o); return err },
		"FS":        func(o *Options) error { _, err := FS(t.Context(), s.URL, o).Open("x"); return err },
	} {
		s.seen = nil
		require.ErrorContains(t, call(&Options{Retries: -1}), "503", name)
		require.Len(t, s.ranges(), 1, name)
	}
}

// A request that brings nothing more is given up, and made again.
func TestServerFallsSilent(t *testing.T) {
	for name, before := range map[string]int{"before the answer": -1, "in the body": 5_000} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, noise(300_000))
			s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
				if n != 1 {
					return false
				}
				if before >= 0 {
					s.give(&cut{w, before}, r)
				}
				<-r.Context().Done()
				return true
			}
			o := eager(nil)
			r := open(t, s.URL, o)
			r.opt.Timeout = 200 * time.Millisecond
			requirePart(t, r, s.file, 150_000, 300_000)
			require.Equal(t, fmt.Sprintf("bytes=%d-299999", 150_000+max(before, 0)), s.ranges()[2])
		})
	}
}

func TestContextEndsPauses(t *testing.T) {
	s := serve(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	o := &Options{sleep: func(ctx context.Context, d time.Duration) error {
		require.Equal(t, time.Minute, d, "an hour is not waited for")
		cancel()
		return sleep(ctx, d)
	}}
	_, err := NewReader(ctx, s.URL, o)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, s.ranges(), 1)
}

func TestSleepSleeps(t *testing.T) {
	require.NoError(t, sleep(t.Context(), time.Nanosecond))
}

func TestPause(t *testing.T) {
	for n := 1; n < 80; n++ {
		for range 20 {
			whole := min(time.Duration(float64(time.Second)*float64(uint64(1)<<min(n-1, 20))), time.Minute)
			d := pause(time.Second, n, 0)
			require.True(t, whole/2 <= d && d <= whole, "retry %d: %v of %v", n, d, whole)
		}
	}
	require.Equal(t, 50*time.Second, pause(time.Second, 1, 50*time.Second))
	require.Equal(t, time.Minute, pause(time.Second, 1, time.Hour))
	require.LessOrEqual(t, pause(time.Hour, 1, 0), time.Minute)
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[pause(time.Second, 3, 0)] = true
	}
	require.Greater(t, len(seen), 1, "clients do not come back together")
}

func TestRetryAfter(t *testing.T) {
	after := func(text string) time.Duration { return retryAfter(http.Header{"Retry-After": {text}}) }
	require.Equal(t, 120*time.Second, after("120"))
	for _, none := range []string{"", "0", "-1", "soon", "1.5", "99999999999999999999", "Mon, 23 Nov 2020 10:00:00 GMT"} {
		require.Zero(t, after(none), "%q", none)
	}
	require.Greater(t, after("Mon, 23 Nov 2099 10:00:00 GMT"), time.Hour)
}
