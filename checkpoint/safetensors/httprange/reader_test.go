package httprange

// This file tests what is read by how many requests, with servers that do as
// they should.

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

func TestRequestsOfAReader(t *testing.T) {
	s := serve(t, noise(300_000))
	r := open(t, s.URL+"/model.safetensors", nil)
	require.Equal(t, int64(300_000), r.Size())
	requirePart(t, r, s.file, 0, 8)
	requirePart(t, r, s.file, 99_000, 100_000)
	require.Equal(t, []string{"bytes=0-99999"}, s.ranges(), "what came first is not asked for again")

	requirePart(t, r, s.file, 8, 150_000)
	requirePart(t, r, s.file, 200_000, 200_001)
	require.Equal(t, []string{"bytes=0-99999", "bytes=100000-149999", "bytes=200000-200000"}, s.ranges())
	require.Equal(t, 150_001, s.bytesSent())
}

func TestRequestsSayWhatTheyMean(t *testing.T) {
	s := serve(t, noise(200_000))
	o := eager(nil)
	o.Header = http.Header{"Authorization": {"Bearer secret"}}
	r := open(t, s.URL, o)
	o.Header.Set("Authorization", "changed by the caller later")
	requirePart(t, r, s.file, 150_000, 150_010)
	for _, req := range s.seen {
		require.Equal(t, http.MethodGet, req.Method)
		require.Equal(t, "identity", req.Header.Get("Accept-Encoding"))
		require.Equal(t, "Bearer secret", req.Header.Get("Authorization"))
	}
	require.Empty(t, s.seen[0].Header.Get("If-Match"))
	require.Equal(t, `"one"`, s.seen[1].Header.Get("If-Match"))
}

func TestReadAtIsAReaderAt(t *testing.T) {
	for _, size := range []int{0, 1, 99_999, 100_000, 100_001, 123_456} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s := serve(t, noise(size))
			r := open(t, s.URL, nil)
			require.Equal(t, int64(size), r.Size())

			p := make([]byte, 10)
			n, err := r.ReadAt(p, int64(size))
			require.Equal(t, 0, n)
			require.Equal(t, io.EOF, err)
			n, err = r.ReadAt(p, int64(max(0, size-5)))
			require.Equal(t, min(5, size), n)
			require.Equal(t, io.EOF, err)
			require.Equal(t, s.file[max(0, size-5):], p[:n])
			n, err = r.ReadAt(nil, 0)
			require.Equal(t, 0, n)
			require.True(t, err == nil || size == 0)
			require.ErrorContains(t, readErr(t, r, -1, 1), "negative")
		})
	}
}

func TestSectionReaderOverAReader(t *testing.T) {
	s := serve(t, noise(100_300))
	r := open(t, s.URL, nil)
	require.NoError(t, iotest.TestReader(io.NewSectionReader(r, 99_950, 100), s.file[99_950:100_050]))
}

func TestServerWithoutRangesButEmptyFile(t *testing.T) {
	for _, status := range []int{http.StatusOK, http.StatusRequestedRangeNotSatisfiable} {
		s := serve(t, nil)
		s.instead = func(_ int, w http.ResponseWriter, _ *http.Request) bool {
			if status != http.StatusOK {
				w.Header().Set("Content-Range", "bytes */0")
				w.WriteHeader(status)
				fmt.Fprint(w, "<html>there is nothing in it</html>")
			}
			return true
		}
		require.Equal(t, int64(0), open(t, s.URL, nil).Size())
	}
}

func TestLongReadsAreFourStreams(t *testing.T) {
	s := serve(t, noise(splitBytes+300_000))
	r := open(t, s.URL, nil)
	requirePart(t, r, s.file, 200_000, 200_000+splitBytes-1)
	require.Len(t, s.ranges(), 2, "just short of being split")
	requirePart(t, r, s.file, 200_001, 200_004+splitBytes)
	require.Len(t, s.ranges(), 6)
	requirePart(t, r, s.file, 0, len(s.file))
	require.Len(t, s.ranges(), 10)
}

// When the third of four streams fails, the bytes before it count.
func TestLongReadThatFails(t *testing.T) {
	s := serve(t, noise(splitBytes+100_000))
	others := sync.WaitGroup{}
	others.Add(3)
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		switch r.Header.Get("Range") {
		case "bytes=0-99999":
			return false
		case fmt.Sprintf("bytes=%d-%d", 100_000+splitBytes/2, 100_000+splitBytes*3/4-1):
			others.Wait()
			w.WriteHeader(http.StatusTeapot)
			return true
		}
		s.give(w, r)
		flush(w)
		others.Done()
		return true
	}
	r := open(t, s.URL, nil)
	p := make([]byte, splitBytes)
	n, err := r.ReadAt(p, 100_000)
	require.ErrorContains(t, err, "418")
	require.True(t, n <= splitBytes/2, "%d bytes", n)
	require.True(t, bytes.Equal(s.file[100_000:][:n], p[:n]))
}

func TestConcurrentReads(t *testing.T) {
	s := serve(t, noise(400_000))
	r := open(t, s.URL, nil)
	var g errgroup.Group
	for seed := range uint64(8) {
		g.Go(func() error {
			rng := rand.New(rand.NewPCG(seed, 0))
			for range 30 {
				begin := rng.IntN(len(s.file))
				p := make([]byte, rng.IntN(len(s.file)-begin))
				if _, err := r.ReadAt(p, int64(begin)); err != nil {
					return err
				}
				if !bytes.Equal(p, s.file[begin:][:len(p)]) {
					return fmt.Errorf("wrong bytes at %d", begin)
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait())
}

func TestTLS(t *testing.T) {
	file := noise(150_000)
	s := httptest.NewUnstartedServer(http.HandlerFunc((&site{file: file}).give))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of clients that hang up
	s.StartTLS()
	t.Cleanup(s.Close)
	o := eager(nil)
	o.Client = s.Client()
	requirePart(t, open(t, s.URL, o), file, 5, 140_000)

	_, err := NewReader(t.Context(), s.URL, eager(nil))
	var e *Error
	require.ErrorAs(t, err, &e, "of a client that does not know the certificate")
	require.ErrorContains(t, err, "certificate")
	require.Equal(t, 1, e.Attempts, "which no retry will change")
}

func TestCloseEndsReads(t *testing.T) {
	s := serve(t, noise(300_000))
	started := make(chan bool)
	s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n == 0 {
			return false
		}
		w.Header().Set("Content-Range", "bytes 100000-299999/300000")
		w.Header().Set("ETag", s.etag)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(s.file[100_000:150_000])
		flush(w)
		close(started)
		<-r.Context().Done()
		return true
	}
	r := open(t, s.URL, nil)
	go func() {
		<-started
		r.Close()
	}()
	p := make([]byte, 200_000)
	n, err := r.ReadAt(p, 100_000)
	require.ErrorIs(t, err, fs.ErrClosed)
	require.True(t, bytes.Equal(s.file[100_000:][:n], p[:n]))
	require.ErrorIs(t, readErr(t, r, 0, 10), fs.ErrClosed, "also of what is in memory")
	require.NoError(t, r.Close())
	require.Len(t, s.ranges(), 2)
}

func TestContextEndsReads(t *testing.T) {
	s := serve(t, noise(300_000))
	ctx, cancel := context.WithCancel(t.Context())
	s.instead = func(n int, w http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			cancel()
			<-r.Context().Done()
		}
		return n > 0
	}
	r, err := NewReader(ctx, s.URL, eager(nil))
	require.NoError(t, err)
	require.ErrorIs(t, readErr(t, r, 200_000, 10), context.Canceled)
	require.ErrorIs(t, readErr(t, r, 0, 10), context.Canceled)
	_, err = NewReader(ctx, s.URL, nil)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, s.ranges(), 2)
}

func TestContextEndsForAReason(t *testing.T) {
	s := serve(t, noise(10))
	ctx, cancel := context.WithCancelCause(t.Context())
	r, err := NewReader(ctx, s.URL, nil)
	require.NoError(t, err)
	cancel(io.ErrClosedPipe)
	e := readErr(t, r, 0, 10)
	require.ErrorIs(t, e, context.Canceled)
	require.ErrorIs(t, e, io.ErrClosedPipe)
}

func TestURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"":                      "scheme",
		"model.safetensors":     "scheme",
		"ftp://host/x":          `"ftp"`,
		"file:///etc/passwd":    `"file"`,
		"https:///x":            "no host",
		"http://u:p#ss@host/x":  "cannot be parsed",
		"http://u:p%zss@host/x": "cannot be parsed",
	} {
		_, err := NewReader(t.Context(), raw, nil)
		require.ErrorContains(t, err, want, "%q", raw)
		require.NotContains(t, err.Error(), "ss@")
		_, err = Open(t.Context(), raw, nil)
		require.ErrorContains(t, err, want)
		_, err = fs.Stat(FS(t.Context(), raw, nil), "x")
		require.ErrorContains(t, err, want)
	}
}

func TestGapIsSaid(t *testing.T) {
	s := serve(t, noise(10))
	f, err := FS(t.Context(), s.URL, nil).Open("x")
	require.NoError(t, err)
	gap, ok := f.(interface{ ReadGap() int })
	require.True(t, ok, "the codec asks the file it has opened")
	require.Equal(t, 256<<10, gap.ReadGap())
}
