package httprange

// This file is the remote file as an io.ReaderAt.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// A Reader reads one remote file, any file, by ranges. Any number of goroutines
// may use it at once, Close included.
type Reader struct {
	opt    Options
	client *http.Client
	url    *url.URL    // without user and fragment
	header http.Header // the caller's, for the origin of url only

	ctx   context.Context // bounds every request
	close context.CancelCauseFunc

	// version is set by the first answer, before NewReader returns, and never
	// changes. head is the first bytes of that version.
	version *version
	head    []byte
	// location is where the last answer came from: url itself, or what a
	// redirect led to. It is nil while that has to be found out.
	location atomic.Pointer[url.URL]
}

// NewReader asks for the first 100,000 bytes of the file at rawURL, which it
// keeps, and so learns the file's size and version. ctx bounds this request and
// all later ones: when it ends, reads end and fail. Errors are an *Error, or say
// what is wrong with the URL.
func NewReader(ctx context.Context, rawURL string, o *Options) (*Reader, error) {
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	return newReader(ctx, u, o.orDefault())
}

func newReader(ctx context.Context, u *url.URL, opt Options) (*Reader, error) {
	r := &Reader{opt: opt}
	r.client = guarded(r.opt.Client)
	r.url, r.header = credentials(u, r.opt.Header)
	r.ctx, r.close = context.WithCancelCause(ctx)
	head := make([]byte, firstBytes)
	n, err := r.fetch(r.ctx, head, 0)
	if err != nil {
		r.close(nil)
		return nil, err
	}
	r.head = bytes.Clone(head[:n]) // most files of a folder may be small
	return r, nil
}

// Size is the file's length in bytes.
func (r *Reader) Size() int64 { return r.version.size }

// ReadGap is how many bytes between two pieces of a file are worth reading to
// save a request: 256 KiB.
func (r *Reader) ReadGap() int { return gapBytes }

// ReadAt is io.ReaderAt. Bytes that the first request brought come from memory.
// Of the rest, less than 16 MiB are one request, and more are four at a time, a
// quarter each. The bytes it counts are right also when it fails; those behind
// them may have been written to. Errors are io.EOF or an *Error.
func (r *Reader) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, r.fail(span{off, off}, 0, &failure{err: errors.New("a negative offset")})
	}
	if r.ctx.Err() != nil {
		return 0, r.fail(span{off, off}, 0, &failure{err: ended(r.ctx)})
	}
	if off >= r.Size() {
		return 0, io.EOF
	}
	want := p[:min(int64(len(p)), r.Size()-off)]
	n := 0
	if off < int64(len(r.head)) {
		n = copy(want, r.head[off:])
	}
	if n < len(want) {
		m, err := r.fetchAll(want[n:], off+int64(n))
		if n += m; err != nil {
			return n, err
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// fetchAll fills p from offset off, in streams if it is long. The count is of
// the bytes before the first that is missing.
func (r *Reader) fetchAll(p []byte, off int64) (n int, err error) {
	if len(p) < splitBytes {
		return r.fetch(r.ctx, p, off)
	}
	g, ctx := errgroup.WithContext(r.ctx)
	var got, want [streams]int
	begin := 0
	for i := range streams {
		part := p[begin:][:(len(p)-begin)/(streams-i)]
		at := off + int64(begin)
		g.Go(func() (err error) {
			got[i], err = r.fetch(ctx, part, at)
			return err
		})
		want[i] = len(part)
		begin += len(part)
	}
	err = g.Wait()
	for i := range streams {
		n += got[i]
		if got[i] < want[i] {
			break
		}
	}
	return n, err
}

// Close ends the reads that are under way; they and later ones fail with
// fs.ErrClosed. A second Close does nothing.
func (r *Reader) Close() error {
	r.close(fs.ErrClosed)
	return nil
}
