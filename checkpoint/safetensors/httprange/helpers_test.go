package httprange

// This file holds the server that most tests read from, and what they share.

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A site serves one file under every path, as net/http serves files, and counts.
type site struct {
	*httptest.Server
	file     []byte
	etag     string
	modified time.Time // none if zero

	// instead may answer request number n, which counts from 0; it returns false
	// to leave it to the site.
	instead func(n int, w http.ResponseWriter, r *http.Request) bool

	mu   sync.Mutex
	seen []*http.Request
	sent int // bytes of bodies
}

// serve starts a site, which ends with the test.
func serve(t testing.TB, file []byte) *site {
	s := &site{file: file, etag: `"one"`}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.count(r)
	counted := &counter{ResponseWriter: w, s: s}
	if s.instead != nil && s.instead(n, counted, r) {
		return
	}
	s.give(counted, r)
}

func (s *site) give(w http.ResponseWriter, r *http.Request) {
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", s.modified, bytes.NewReader(s.file))
}

func (s *site) count(r *http.Request) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, r)
	return len(s.seen) - 1
}

// ranges are the ranges that were asked for so far.
func (s *site) ranges() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for _, r := range s.seen {
		list = append(list, r.Header.Get("Range"))
	}
	return list
}

func (s *site) bytesSent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

// A counter counts what goes through it.
type counter struct {
	http.ResponseWriter
	s *site
}

func (c *counter) Write(p []byte) (int, error) {
	c.s.mu.Lock()
	c.s.sent += len(p) // before the client can have it
	c.s.mu.Unlock()
	return c.ResponseWriter.Write(p)
}

func (c *counter) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// flush sends what was written.
func flush(w http.ResponseWriter) { http.NewResponseController(w).Flush() }

// drop ends the connection under the client.
func drop() { panic(http.ErrAbortHandler) }

// noise returns n bytes that depend on their position.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// eager are options that do not wait between retries, but tell of the pauses.
func eager(pauses *[]time.Duration) *Options {
	var mu sync.Mutex
	return &Options{sleep: func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		if pauses != nil {
			*pauses = append(*pauses, d)
		}
		return ctx.Err()
	}}
}

// open opens what must be readable.
func open(t testing.TB, url string, o *Options) *Reader {
	t.Helper()
	if o == nil {
		o = eager(nil)
	}
	r, err := NewReader(t.Context(), url, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.Close()) })
	return r
}

// requirePart reads [begin, end) and compares.
func requirePart(t testing.TB, r io.ReaderAt, file []byte, begin, end int) {
	t.Helper()
	p := make([]byte, end-begin)
	n, err := r.ReadAt(p, int64(begin))
	require.NoError(t, err)
	require.Equal(t, len(p), n)
	require.True(t, bytes.Equal(file[begin:end], p), "bytes [%d:%d)", begin, end)
}

// readErr reads len bytes from off, which must fail.
func readErr(t testing.TB, r io.ReaderAt, off int64, n int) *Error {
	t.Helper()
	_, err := r.ReadAt(make([]byte, n), off)
	var e *Error
	require.ErrorAs(t, err, &e)
	return e
}
