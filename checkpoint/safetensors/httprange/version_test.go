package httprange

// This file tests files that are replaced while they are read.

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var monday = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// swaps are what a server sends of a file and of the one that replaces it; noticed
// says whether a read tells.
var swaps = []struct {
	name          string
	etag, newETag string
	date, newDate time.Time
	newSize       int
	noticed       bool
}{
	{"strong ETag", `"one"`, `"two"`, monday, monday, 300_000, true},
	{"weak ETag", `W/"one"`, `W/"two"`, monday, monday, 300_000, true},
	{"weak ETag stays, date changes", `W/"one"`, `W/"one"`, monday, monday.Add(time.Second), 300_000, true},
	{"ETag goes", `"one"`, "", monday, monday, 300_000, true},
	{"ETag comes", "", `"one"`, monday, monday, 300_000, true},
	{"date", "", "", monday, monday.Add(time.Second), 300_000, true},
	{"date goes", "", "", monday, time.Time{}, 300_000, true},
	{"date stays", "", "", monday, monday, 300_000, false},
	{"size", "", "", time.Time{}, time.Time{}, 300_001, true},
	{"size with an ETag that stays", `"one"`, `"one"`, monday, monday, 299_999, true},
	{"shorter than the range", "", "", time.Time{}, time.Time{}, 150_000, true},
	{"empty", "", "", time.Time{}, time.Time{}, 0, true},
	{"nothing but the size is known", "", "", time.Time{}, time.Time{}, 300_000, false},
	{"date under a strong ETag", `"one"`, `"one"`, monday, monday.Add(time.Hour), 300_000, false},
}

func TestFileIsReplaced(t *testing.T) {
	for _, swap := range swaps {
		for _, conditions := range []bool{true, false} {
			name := swap.name
			if !conditions {
				name += "/server without conditions"
			}
			t.Run(name, func(t *testing.T) {
				s := serve(t, noise(300_000))
				s.etag, s.modified = swap.etag, swap.date
				s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
					if !conditions {
						r.Header.Del("If-Match")
					}
					return false
				}
				r := open(t, s.URL, nil)
				s.file, s.etag, s.modified = make([]byte, swap.newSize), swap.newETag, swap.newDate
				if !swap.noticed {
					requirePart(t, r, s.file, 200_000, 200_010)
					return
				}
				sent := s.bytesSent()
				e := readErr(t, r, 200_000, 50_000)
				require.ErrorIs(t, e, ErrChanged)
				require.Equal(t, 1, e.Attempts)
				require.LessOrEqual(t, s.bytesSent()-sent, 50_000)
			})
		}
	}
}

func TestChangeSaysGotAndWant(t *testing.T) {
	was := version{10, `W/"one"`, "Mon"}
	for want, now := range map[string]version{
		"":                                    was,
		"got a file of 11 bytes, want 10":     {11, `W/"one"`, "Mon"},
		`got ETag "", want "W/\"one\""`:       {10, "", "Mon"},
		`got Last-Modified "Tue", want "Mon"`: {10, `W/"one"`, "Tue"},
	} {
		require.Equal(t, want, was.differs(now))
	}
}

// A file that is replaced between a body that breaks off and its rest.
func TestFileIsReplacedWithinARead(t *testing.T) {
	s := serve(t, noise(300_000))
	next := &site{file: make([]byte, 300_000), etag: `"two"`}
	s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
		switch n {
		case 0:
			return false
		case 1:
			s.give(&cut{w, 40_000}, r)
			drop()
		}
		next.give(w, r)
		return true
	}
	r := open(t, s.URL, nil)
	p := make([]byte, 100_000)
	n, err := r.ReadAt(p, 150_000)
	require.ErrorIs(t, err, ErrChanged)
	require.Equal(t, s.file[150_000:][:n], p[:n])
}

// A cut sends only the first bytes of a body.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p[:min(len(p), c.left)])
	c.left -= n
	if err != nil {
		return n, err
	}
	flush(c.ResponseWriter)
	return len(p), nil
}
