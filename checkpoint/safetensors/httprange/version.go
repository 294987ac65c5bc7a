package httprange

// This file says when two answers are of one file.

import (
	"fmt"
	"net/http"
	"strings"
)

// A version is what tells a file from the one that replaces it under its URL.
type version struct {
	size     int64
	etag     string // as sent, "" for none
	modified string // Last-Modified as sent, "" for none
}

func versionOf(h http.Header, size int64) version {
	return version{size: size, etag: field(h, "ETag"), modified: field(h, "Last-Modified")}
}

// field is a header field as sent; one that was sent twice is no value that can
// be taken for either.
func field(h http.Header, name string) string { return strings.Join(h.Values(name), ", ") }

// strong reports whether an equal ETag promises equal bytes: one in quotes does, a
// weak one (W/"...") only says that its server takes two files for one.
func (v version) strong() bool { return strings.HasPrefix(v.etag, `"`) }

// differs says how got is not the file v, "" where it may be. A strong ETag
// stands alone: servers behind one name often disagree about times.
func (v version) differs(got version) string {
	switch {
	case got.size != v.size:
		return fmt.Sprintf("got a file of %d bytes, want %d", got.size, v.size)
	case got.etag != v.etag:
		return fmt.Sprintf("got ETag %q, want %q", got.etag, v.etag)
	case !v.strong() && got.modified != v.modified:
		return fmt.Sprintf("got Last-Modified %q, want %q", got.modified, v.modified)
	}
	return ""
}
