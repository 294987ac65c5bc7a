package httprange

// This file tests answers that are wrong: each is one edit of a right one.

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// An edit spoils the answer to a request for [begin, end) of a site's file.
type edit func(s *site, w http.ResponseWriter, begin, end int)

// part writes an answer of given fields; right is the right Content-Range.
func part(fields map[string]string, contentRange func(begin, end, size int) string, body func(b []byte) []byte) edit {
	return func(s *site, w http.ResponseWriter, begin, end int) {
		w.Header().Set("ETag", s.etag)
		if text := contentRange(begin, end, len(s.file)); text != "" {
			w.Header().Set("Content-Range", text)
		}
		for k, v := range fields {
			w.Header().Set(k, v)
		}
		w.WriteHeader(http.StatusPartialContent)
		flush(w) // no Content-Length by net/http
		w.Write(body(s.file[begin:end]))
	}
}

func right(begin, end, size int) string { return fmt.Sprintf("bytes %d-%d/%d", begin, end-1, size) }
func same(b []byte) []byte              { return b }

func status(code int) edit {
	return func(_ *site, w http.ResponseWriter, _, _ int) { w.WriteHeader(code) }
}

func ranged(format func(begin, end, size int) string) edit { return part(nil, format, same) }

var wrongAnswers = []struct {
	name  string
	edit  edit
	first error // where it is the first answer
	later error // where it is a later one
}{
	{"no Content-Range", ranged(func(_, _, _ int) string { return "" }), ErrProtocol, ErrProtocol},
	{"Content-Range of words", ranged(func(_, _, _ int) string { return "bytes all" }), ErrProtocol, ErrProtocol},
	{"Content-Range in pages", ranged(func(b, e, s int) string { return fmt.Sprintf("pages %d-%d/%d", b, e-1, s) }), ErrProtocol, ErrProtocol},
	{"Content-Range of unknown size", ranged(func(b, e, _ int) string { return fmt.Sprintf("bytes %d-%d/*", b, e-1) }), ErrProtocol, ErrProtocol},
	{"Content-Range of a size of 2^63", ranged(func(b, e, _ int) string { return fmt.Sprintf("bytes %d-%d/9223372036854775808", b, e-1) }), ErrProtocol, ErrProtocol},
	{"Content-Range past the file", ranged(func(b, e, s int) string { return fmt.Sprintf("bytes %d-%d/%d", b, s, s) }), ErrProtocol, ErrProtocol},
	{"Content-Range that ends before it begins", ranged(func(b, _, s int) string { return fmt.Sprintf("bytes %d-%d/%d", b+1, b, s) }), ErrProtocol, ErrProtocol},
	{"Content-Range one too far", ranged(func(b, e, s int) string { return right(b+1, e+1, s) }), ErrProtocol, ErrProtocol},
	{"Content-Range that begins later", part(nil, func(b, e, s int) string { return right(b+1, e, s) }, func(b []byte) []byte { return b[1:] }), ErrProtocol, ErrProtocol},
	{"Content-Range longer than asked", ranged(func(b, e, s int) string { return right(b, e+1, s) }), ErrProtocol, ErrProtocol},
	{"two Content-Ranges in one", ranged(func(b, e, s int) string { return right(b, e, s) + ", " + right(b, e, s) }), ErrProtocol, ErrProtocol},
	{"Content-Length that disagrees", func(s *site, w http.ResponseWriter, begin, end int) {
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Range", right(begin, end, len(s.file)))
		w.Header().Set("Content-Length", fmt.Sprint(end-begin-1))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(s.file[begin : end-1])
	}, ErrProtocol, ErrProtocol},
	{"body of another byte", part(nil, right, func(b []byte) []byte { return append(b[:len(b):len(b)], 'x') }), ErrProtocol, ErrProtocol},
	{"gzip", part(map[string]string{"Content-Encoding": "gzip"}, right, same), ErrProtocol, ErrProtocol},
	{"more than one part", part(map[string]string{"Content-Type": "Multipart/ByteRanges; boundary=x"}, right, same), ErrProtocol, ErrProtocol},
	{"206 of another ETag", part(map[string]string{"ETag": `"two"`}, right, same), nil, ErrChanged},
	{"206 of a weak ETag", part(map[string]string{"ETag": `W/"one"`}, right, same), nil, ErrChanged},
	{"206 of another size", ranged(func(b, e, s int) string { return right(b, e, s+1) }), nil, ErrChanged},
	{"200", func(s *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("ETag", s.etag)
		w.Write(s.file)
	}, ErrNoRanges, ErrNoRanges},
	{"200 of unknown size", func(s *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("ETag", s.etag)
		flush(w)
		w.Write(s.file)
	}, ErrNoRanges, ErrNoRanges},
	{"200 of another ETag", func(s *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("ETag", `"two"`)
		w.Write(s.file)
	}, ErrNoRanges, ErrChanged},
	{"200 of another size", func(s *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Length", fmt.Sprint(len(s.file)-1))
		w.Write(s.file[1:])
	}, ErrNoRanges, ErrChanged},
	{"416", status(http.StatusRequestedRangeNotSatisfiable), ErrProtocol, ErrProtocol},
	{"416 of this size", func(s *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(s.file)))
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
	}, ErrProtocol, ErrProtocol},
	{"416 of another size", func(_ *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("Content-Range", "bytes */7")
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
	}, ErrProtocol, ErrChanged},
	{"416 of a size of 2^63", func(_ *site, w http.ResponseWriter, _, _ int) {
		w.Header().Set("Content-Range", "bytes */9223372036854775808")
		w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
	}, ErrProtocol, ErrProtocol},
	{"412", status(http.StatusPreconditionFailed), nil, ErrChanged},
	{"401", status(http.StatusUnauthorized), fs.ErrPermission, fs.ErrPermission},
	{"403", status(http.StatusForbidden), fs.ErrPermission, fs.ErrPermission},
	{"404", status(http.StatusNotFound), fs.ErrNotExist, fs.ErrNotExist},
	{"410", status(http.StatusGone), fs.ErrNotExist, fs.ErrNotExist},
}

func TestWrongAnswers(t *testing.T) {
	for _, row := range wrongAnswers {
		for wrongAt, want := range []error{row.first, row.later} {
			if want == nil {
				continue // nothing is wrong with it, or nothing could be known to be
			}
			t.Run(fmt.Sprintf("%s/request=%d", row.name, wrongAt), func(t *testing.T) {
				s := serve(t, noise(300_000))
				s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
					if n < wrongAt {
						return false
					}
					var begin, last int
					fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &begin, &last)
					row.edit(s, w, begin, last+1)
					return true
				}
				err := firstError(t, s)
				require.ErrorIs(t, err, want)
				require.Len(t, s.ranges(), wrongAt+1, "no retry helps")
				for _, other := range []error{ErrChanged, ErrNoRanges, ErrProtocol, fs.ErrPermission, fs.ErrNotExist} {
					require.Equal(t, errors.Is(want, other), errors.Is(err, other), "%v and %v", err, other)
				}
			})
		}
	}
}

func TestContentRange(t *testing.T) {
	for text, want := range map[string]struct {
		span
		size int64
	}{
		"bytes 0-0/1":      {span{0, 1}, 1},
		"Bytes 5-9/10":     {span{5, 10}, 10},
		"bytes 0-99/12345": {span{0, 100}, 12345},
		"bytes 9223372036854775806-9223372036854775806/9223372036854775807": {span{1<<63 - 2, 1<<63 - 1}, 1<<63 - 1},
	} {
		got, size, ok := parseContentRange(text)
		require.True(t, ok, text)
		require.Equal(t, want.span, got)
		require.Equal(t, want.size, size)
	}
	for _, text := range []string{
		"", "bytes", "bytes 0-0", "bytes 0-0/", "bytes 0-0/0", "bytes 1-0/5", "bytes 0-5/5", "bytes -5/10", "bytes 5-/10",
		"bytes=0-0/1", "bytes +0-0/1", "bytes 0-0/1 ", "bytes 0-0/1\n", "bytes 0-0/1, bytes 0-0/1", "bytes 0-0/*", "bytes */1",
		"bytes 0-9223372036854775808/9223372036854775809", "items 0-0/1",
	} {
		_, _, ok := parseContentRange(text)
		require.False(t, ok, "%q", text)
	}
}

// firstError opens the site's file and reads a piece of it that the first answer
// does not bring.
func firstError(t *testing.T, s *site) *Error {
	t.Helper()
	r, err := NewReader(t.Context(), s.URL+"/f", eager(nil))
	if err == nil {
		return readErr(t, r, 200_000, 10_000)
	}
	var e *Error
	require.ErrorAs(t, err, &e)
	return e
}

// The body of an answer that is refused is not downloaded.
func TestWholeFileIsNotDownloaded(t *testing.T) {
	const size, buffers = 1 << 30, 64 << 20 // what the two systems hold is less than buffers
	s := serve(t, nil)
	done := make(chan bool)
	s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
		defer close(done)
		w.Header().Set("Content-Length", fmt.Sprint(size))
		b := make([]byte, 1<<20)
		for range size / len(b) {
			if _, err := w.Write(b); err != nil {
				return true
			}
		}
		return true
	}
	require.ErrorIs(t, firstError(t, s), ErrNoRanges)
	<-done
	require.Less(t, s.bytesSent(), buffers)
}

func TestErrorSaysWhatWhereAndNoSecret(t *testing.T) {
	s := serve(t, noise(300_000))
	s.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 0 {
			w.WriteHeader(http.StatusNotFound)
		}
		return n > 0
	}
	r := open(t, "http://user:secret@"+s.Listener.Addr().String()+"/org/m%2Fx.safetensors?token=secret#secret", nil)
	name, password, ok := s.seen[0].BasicAuth()
	require.True(t, ok && name == "user" && password == "secret")
	require.Equal(t, "token=secret", s.seen[0].URL.RawQuery)

	e := readErr(t, r, 99_990, 20)
	require.Equal(t, &Error{
		URL: s.URL + "/org/m%2Fx.safetensors", Begin: 100_000, End: 100_010,
		Status: 404, Attempts: 1, Err: fs.ErrNotExist,
	}, e)
	require.EqualError(t, e, "httprange: "+s.URL+"/org/m%2Fx.safetensors: bytes [100000:100010): "+
		"status 404 Not Found: file does not exist")
}

// An error of net/http prints the URL with its query.
func TestNetworkErrorHasNoSecret(t *testing.T) {
	s := serve(t, nil)
	url := s.URL
	s.Close()
	_, err := NewReader(t.Context(), url+"/f?token=secret", eager(nil))
	require.ErrorContains(t, err, "after 6 attempts")
	require.NotContains(t, err.Error(), "secret")
}
