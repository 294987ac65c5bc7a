package httprange

// This file makes the requests of one range, until it is there or there is no
// use in another one.

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// fetch fills p from offset off, but for what lies past the end of the file. The
// count is of bytes that are right, whatever the error.
func (r *Reader) fetch(ctx context.Context, p []byte, off int64) (int, error) {
	n, failed := 0, 0
	for {
		m, f := r.attempt(ctx, p[n:], off+int64(n))
		n += m
		if r.version != nil {
			p = p[:min(int64(len(p)), r.version.size-off)]
		}
		if n == len(p) {
			return n, nil
		}
		missing := span{off + int64(n), off + int64(len(p))}
		if m >= progressBytes {
			failed = 0
		}
		if m < progressBytes || f != nil {
			failed++
		}
		if f != nil && !f.again || failed > r.opt.Retries {
			return n, r.fail(missing, failed, f)
		}
		if f == nil {
			continue // a server may give less than was asked for
		}
		if err := r.opt.sleep(ctx, pause(r.opt.Backoff, failed, f.after)); err != nil {
			return n, r.fail(missing, failed, &failure{err: err})
		}
	}
}

// fail makes the error of the last failure.
func (r *Reader) fail(missing span, attempts int, f *failure) error {
	if f == nil {
		f = protocol(http.StatusPartialContent, "parts shorter than %d bytes", progressBytes)
	}
	return &Error{
		URL: clean(r.url), Begin: missing.begin, End: missing.end,
		Status: f.status, Attempts: attempts, Err: f.err,
	}
}

// attempt makes one request for p from offset off. It may bring less than that
// without a failure.
func (r *Reader) attempt(ctx context.Context, p []byte, off int64) (int, *failure) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(r.opt.Timeout, func() { cancel(errStalled) })
	defer silence.Stop()

	asked := span{off, off + int64(len(p))}
	resp, err := r.ask(ctx, asked)
	if err != nil {
		return 0, broken(ctx, 0, err)
	}
	defer resp.Body.Close()
	got, v, f := judge(resp, asked, r.version)
	if f != nil {
		return 0, f
	}
	r.remember(resp, v)
	body := patient{resp.Body, func() { silence.Reset(r.opt.Timeout) }}
	n, err := receive(body, p[:got.len()])
	switch {
	case err != nil:
		return n, broken(ctx, resp.StatusCode, err)
	case n < 0:
		return 0, protocol(resp.StatusCode, "a body longer than bytes %s", got)
	}
	return n, nil
}

// ask sends the request to where the last answer came from. Where that was a
// redirect's target and it fails, the URL itself is asked again: signed URLs
// expire.
func (r *Reader) ask(ctx context.Context, asked span) (*http.Response, error) {
	at := r.location.Load()
	if at == nil {
		return r.send(ctx, r.url, asked, "")
	}
	match := ""
	if r.version.strong() {
		match = r.version.etag
	}
	resp, err := r.send(ctx, at, asked, match)
	if at == r.url || err == nil && (resp.StatusCode < 400 || final(resp.StatusCode)) {
		return resp, err
	}
	r.location.CompareAndSwap(at, nil)
	if err != nil || busy(resp.StatusCode) {
		return resp, err // the retry goes to the URL itself
	}
	defer resp.Body.Close()
	return r.send(ctx, r.url, asked, "")
}

// final reports whether a status is a word on the file rather than on the URL.
func final(status int) bool {
	return status == http.StatusPreconditionFailed || status == http.StatusRequestedRangeNotSatisfiable
}

// send makes one request of at. match is the ETag of the file that is meant, ""
// to leave it to the comparison of answers: a URL that redirects may have an ETag
// of its own.
func (r *Reader) send(ctx context.Context, at *url.URL, asked span, match string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header = r.header.Clone()
	if !sameOrigin(at, r.url) {
		keepPublic(req.Header)
	}
	req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", asked.begin, asked.end-1))
	req.Header.Set("Accept-Encoding", "identity") // also keeps the transport from decoding
	if match != "" {
		req.Header.Set("If-Match", match)
	}
	return r.client.Do(req)
}

// remember keeps what a good answer tells: the first one the version, and each
// where it came from.
func (r *Reader) remember(resp *http.Response, v version) {
	if r.version == nil {
		r.version = &v
	}
	if resp.Request == nil || resp.Request.URL == nil {
		return // a RoundTripper that does not say
	}
	at := resp.Request.URL
	if at.String() == r.url.String() {
		at = r.url
	}
	r.location.Store(at)
}

// receive fills p from a body that ends there. It returns -1 for one that does
// not, before any more of it is read.
func receive(body io.Reader, p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil // an empty file's; with it may come words on why there is no range
	}
	n, err := io.ReadFull(body, p)
	if err != nil {
		return n, err
	}
	var more [1]byte
	if m, _ := body.Read(more[:]); m > 0 {
		return -1, nil
	}
	return n, nil
}

// A patient reader tells of every byte that comes.
type patient struct {
	io.Reader
	came func()
}

func (r patient) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 {
		r.came()
	}
	return n, err
}
