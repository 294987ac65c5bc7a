package httprange

// This file reads through a transport of its own, where the time is that of the
// test: what takes minutes, and what net/http would never do.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A slowLine is a transport that gives a file in pieces, each after a pause.
type slowLine struct {
	file     []byte
	piece    int
	pause    func(request int) time.Duration
	spoil    func(*http.Response)
	requests int
}

func (l *slowLine) RoundTrip(r *http.Request) (*http.Response, error) {
	var begin, last int
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &begin, &last)
	end := min(last+1, len(l.file))
	pause := l.pause(l.requests)
	l.requests++
	resp := &http.Response{
		StatusCode: http.StatusPartialContent, ContentLength: int64(end - begin),
		Header: http.Header{"Content-Range": {right(begin, end, len(l.file))}},
		Body:   io.NopCloser(&pieces{r.Context(), bytes.NewReader(l.file[begin:end]), l.piece, pause}),
	}
	if l.spoil != nil {
		l.spoil(resp)
	}
	return resp, nil
}

// pieces are a body on a slow line.
type pieces struct {
	ctx   context.Context
	r     io.Reader
	piece int
	pause time.Duration
}

func (b *pieces) Read(p []byte) (int, error) {
	if err := sleep(b.ctx, b.pause); err != nil {
		return 0, b.ctx.Err()
	}
	return b.r.Read(p[:min(len(p), b.piece)])
}

// Any time is right for a body as long as it comes, and none for one that does
// not.
func TestSilenceIsWhatTimesOut(t *testing.T) {
	for pause, attempts := range map[time.Duration]int{29 * time.Second: 1, 31 * time.Second: 6} {
		synctest.Test(t, func(t *testing.T) {
			l := &slowLine{file: noise(10_000), piece: 1000, pause: func(int) time.Duration { return pause }}
			start := time.Now()
			r, err := NewReader(t.Context(), "http://host/x", &Options{Client: &http.Client{Transport: l}})
			require.Equal(t, attempts, l.requests)
			if attempts > 1 {
				require.ErrorIs(t, err, errStalled)
				require.NotErrorIs(t, err, context.Canceled, "the caller has ended nothing")
				waited := time.Since(start) - 6*30*time.Second
				require.True(t, 7750*time.Millisecond <= waited && waited <= 15500*time.Millisecond, "%v of pauses", waited)
				return
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, time.Since(start), 10*pause)
			requirePart(t, r, l.file, 0, 10_000)
		})
	}
}

// A line that falls silent once is asked again.
func TestSilenceOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &slowLine{file: noise(10_000), piece: 1000, pause: func(request int) time.Duration {
			return map[int]time.Duration{0: time.Hour}[request]
		}}
		r, err := NewReader(t.Context(), "http://host/x", &Options{Client: &http.Client{Transport: l}})
		require.NoError(t, err)
		requirePart(t, r, l.file, 0, 10_000)
		require.Equal(t, 2, l.requests)
	})
}

// A transport may decode on its own account; what it gives is not the range.
func TestTransportThatDecodes(t *testing.T) {
	l := &slowLine{file: noise(10), piece: 10, pause: func(int) time.Duration { return 0 }}
	l.spoil = func(r *http.Response) { r.Uncompressed, r.ContentLength = true, -1 }
	_, err := NewReader(t.Context(), "http://host/x", &Options{Client: &http.Client{Transport: l}})
	require.ErrorIs(t, err, ErrProtocol)
}

// A transport need not say what it has asked for.
func TestTransportThatDoesNotSayItsRequest(t *testing.T) {
	l := &slowLine{file: noise(200_000), piece: 1 << 20, pause: func(int) time.Duration { return 0 }}
	r := open(t, "http://host/x", &Options{Client: &http.Client{Transport: l}})
	requirePart(t, r, l.file, 150_000, 160_000)
	require.Nil(t, r.location.Load())
}

// The client of the caller is used as it is, and not changed.
func TestClientOfTheCaller(t *testing.T) {
	l := &slowLine{file: noise(10), piece: 10, pause: func(int) time.Duration { return 0 }}
	c := &http.Client{Transport: l, Timeout: time.Hour}
	open(t, "http://host/x", &Options{Client: c})
	require.Equal(t, 1, l.requests)
	require.Nil(t, c.CheckRedirect)
}
