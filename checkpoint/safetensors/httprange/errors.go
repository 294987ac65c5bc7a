package httprange

// This file holds the errors, and keeps secrets out of them.

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Reasons for which a range cannot be had, whoever asks how often.
var (
	// ErrChanged: the server's file is no longer the one that was opened.
	ErrChanged = errors.New("the file has changed since it was opened")
	// ErrNoRanges: the server gives whole files only.
	ErrNoRanges = errors.New("the server does not serve ranges")
	// ErrProtocol: the answer is not the range that was asked for, or cannot be
	// told to be it.
	ErrProtocol = errors.New("the answer is not what was asked for")
)

// An Error says which bytes could not be read and why. It wraps ErrChanged,
// ErrNoRanges, ErrProtocol, fs.ErrNotExist (404, 410), fs.ErrPermission (401,
// 403), fs.ErrClosed, the context's error, or what the network said.
type Error struct {
	// URL is the file's, without user, password, query and fragment.
	URL string
	// Begin and End are the bytes of the file that were still to be read.
	Begin, End int64
	// Status is the last answer's HTTP status, 0 where there was no answer.
	Status int
	// Attempts is how many requests in a row had failed; 0 where none was made.
	Attempts int
	// Err is the reason.
	Err error
}

// Error is one line: URL, range, status, reason, attempts.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "httprange: %s: bytes %s: ", e.URL, span{e.Begin, e.End})
	if e.Status != 0 {
		fmt.Fprintf(&b, "status %d %s: ", e.Status, http.StatusText(e.Status))
	}
	b.WriteString(e.Err.Error())
	if e.Attempts > 1 {
		fmt.Fprintf(&b, ", after %d attempts", e.Attempts)
	}
	return b.String()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// A span is the bytes [begin, end) of a file.
type span struct{ begin, end int64 }

func (s span) len() int64     { return s.end - s.begin }
func (s span) String() string { return fmt.Sprintf("[%d:%d)", s.begin, s.end) }

// A failure is why a request brought less than was asked for.
type failure struct {
	err    error
	status int           // 0: no answer
	again  bool          // another attempt may succeed
	after  time.Duration // the pause that the server asks for, 0 for none
}

func protocol(status int, format string, args ...any) *failure {
	return &failure{status: status, err: fmt.Errorf("%w: "+format, append([]any{ErrProtocol}, args...)...)}
}

func changed(status int, detail string) *failure {
	return &failure{status: status, err: fmt.Errorf("%w: %s", ErrChanged, detail)}
}

// errStalled is retried.
var errStalled = errors.New("nothing came for as long as the timeout allows")

// broken is the failure of a request that ctx bounded and err ended. An io.EOF
// would mean the end of the file to readers, and a *url.Error prints the query.
func broken(ctx context.Context, status int, err error) *failure {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) {
		return &failure{status: status, err: cause, again: true}
	}
	if ctx.Err() != nil {
		return &failure{status: status, err: ended(ctx)}
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the connection was closed", io.ErrUnexpectedEOF)
	}
	return &failure{status: status, err: err, again: !permanent(err)}
}

// permanent reports whether another attempt would meet the same error.
func permanent(err error) bool {
	var certificate *tls.CertificateVerificationError
	var redirect *redirectError
	var name *net.DNSError
	return errors.As(err, &certificate) || errors.As(err, &redirect) || errors.As(err, &name) && name.IsNotFound
}

// ended is the error of a context that has ended, with its cause.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if errors.Is(cause, err) || errors.Is(cause, fs.ErrClosed) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}

// parseURL takes a URL that can be asked for. Its errors do not repeat what it
// cannot take apart, as that may hold a password.
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, errors.New("httprange: the URL cannot be parsed")
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("httprange: the scheme of the URL is %q, want http or https", u.Scheme)
	}
	if u.Host == "" {
		return nil, errors.New("httprange: the URL has no host")
	}
	return u, nil
}

// clean is u as it may be printed.
func clean(u *url.URL) string {
	c := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return c.String()
}
