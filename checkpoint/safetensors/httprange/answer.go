package httprange

// This file judges an answer by its status and header, before its body is
// looked at.

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"regexp"
	"strconv"
	"strings"
)

// judge returns the bytes that the body holds and the version of the file they
// are of. The span begins where asked does and ends no later. known is nil for
// the first answer.
func judge(resp *http.Response, asked span, known *version) (span, version, *failure) {
	switch resp.StatusCode {
	case http.StatusPartialContent:
		return judgePart(resp, asked, known)
	case http.StatusOK:
		return judgeWhole(resp, asked, known)
	case http.StatusRequestedRangeNotSatisfiable:
		return judgeNothing(resp, asked, known)
	case http.StatusPreconditionFailed:
		if known != nil {
			return span{}, version{}, changed(resp.StatusCode, fmt.Sprintf("its ETag is no longer %q", known.etag))
		}
	}
	return span{}, version{}, refusal(resp)
}

// judgePart is for 206: a part of the file.
func judgePart(resp *http.Response, asked span, known *version) (span, version, *failure) {
	none := func(f *failure) (span, version, *failure) { return span{}, version{}, f }
	if f := plain(resp); f != nil {
		return none(f)
	}
	text := field(resp.Header, "Content-Range")
	got, size, ok := parseContentRange(text)
	if !ok {
		return none(protocol(resp.StatusCode, "Content-Range is %q", text))
	}
	v := versionOf(resp.Header, size)
	if known != nil {
		if detail := known.differs(v); detail != "" {
			return none(changed(resp.StatusCode, detail))
		}
	}
	if got.begin != asked.begin || got.end > asked.end {
		return none(protocol(resp.StatusCode, "got bytes %s, want %s", got, asked))
	}
	if n := resp.ContentLength; n >= 0 && n != got.len() {
		return none(protocol(resp.StatusCode, "a body of %d bytes for %s", n, got))
	}
	return got, v, nil
}

// plain refuses bodies that are not the file's own bytes.
func plain(resp *http.Response) *failure {
	if e := field(resp.Header, "Content-Encoding"); resp.Uncompressed || e != "" && !strings.EqualFold(e, "identity") {
		return protocol(resp.StatusCode, "got Content-Encoding %q, want none", e)
	}
	if t := field(resp.Header, "Content-Type"); strings.HasPrefix(strings.ToLower(t), "multipart/byteranges") {
		return protocol(resp.StatusCode, "got Content-Type %q, want one range", t)
	}
	return nil
}

// judgeWhole is for 200: the server has ignored the range. An empty file has
// none, so its answer is right.
func judgeWhole(resp *http.Response, asked span, known *version) (span, version, *failure) {
	v := versionOf(resp.Header, resp.ContentLength)
	if known == nil {
		if v.size == 0 {
			return span{asked.begin, asked.begin}, v, nil
		}
		return span{}, version{}, &failure{status: resp.StatusCode, err: ErrNoRanges}
	}
	if v.size < 0 {
		v.size = known.size // it says nothing of its size, and its ETag may still differ
	}
	if detail := known.differs(v); detail != "" {
		return span{}, version{}, changed(resp.StatusCode, detail)
	}
	return span{}, version{}, &failure{status: resp.StatusCode, err: ErrNoRanges}
}

// judgeNothing is for 416: the file ends before the range begins.
func judgeNothing(resp *http.Response, asked span, known *version) (span, version, *failure) {
	text := field(resp.Header, "Content-Range")
	m := unsatisfied.FindStringSubmatch(text)
	if m == nil {
		return span{}, version{}, protocol(resp.StatusCode, "Content-Range is %q", text)
	}
	size, err := strconv.ParseInt(m[1], 10, 64)
	switch {
	case err != nil:
		return span{}, version{}, protocol(resp.StatusCode, "Content-Range is %q", text)
	case known == nil && size == 0:
		return span{asked.begin, asked.begin}, versionOf(resp.Header, 0), nil
	case known != nil && size != known.size:
		return span{}, version{}, changed(resp.StatusCode, fmt.Sprintf("got a file of %d bytes, want %d", size, known.size))
	}
	return span{}, version{}, protocol(resp.StatusCode, "no bytes %s in a file of %d", asked, size)
}

// The forms of Content-Range, RFC 9110 section 14.4. That of a part whose file's
// size the server does not know is not taken.
var (
	satisfied   = regexp.MustCompile(`^(?i:bytes) (\d+)-(\d+)/(\d+)$`)
	unsatisfied = regexp.MustCompile(`^(?i:bytes) \*/(\d+)$`)
)

// parseContentRange takes the field of a part. What is ok lies within the file
// and is not empty.
func parseContentRange(text string) (got span, size int64, ok bool) {
	m := satisfied.FindStringSubmatch(text)
	if m == nil {
		return span{}, 0, false
	}
	begin, err1 := strconv.ParseInt(m[1], 10, 64)
	last, err2 := strconv.ParseInt(m[2], 10, 64)
	size, err3 := strconv.ParseInt(m[3], 10, 64)
	if errors.Join(err1, err2, err3) != nil || begin > last || last >= size {
		return span{}, 0, false
	}
	return span{begin, last + 1}, size, true
}

// refusal is for statuses that bring no bytes.
func refusal(resp *http.Response) *failure {
	f := &failure{status: resp.StatusCode}
	switch code := resp.StatusCode; {
	case code == http.StatusNotFound || code == http.StatusGone:
		f.err = fs.ErrNotExist
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		f.err = fs.ErrPermission
	case busy(code):
		f.err, f.again = errors.New("the server cannot answer now"), true
		f.after = retryAfter(resp.Header)
	default:
		f.err = errors.New("the server refuses")
	}
	return f
}

// busy reports whether a status says that a later request may succeed.
func busy(status int) bool {
	return status == http.StatusTooManyRequests || status == http.StatusRequestTimeout || status >= 500
}
