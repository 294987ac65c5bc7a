package safetensors

// This file holds every error of the package: one kind a rule of the format,
// and the typed error that says where the rule was broken.

import (
	"errors"
	"fmt"
	"strings"
)

// An ErrorKind is a rule of the format that a file, or a call that would write
// one, breaks. It is an error itself, for errors.Is; its text is one stable
// word, which other programs may parse.
type ErrorKind string

// The kinds. Where more than one rule is broken, the first in the order of the
// reference's checks is reported.
const (
	ErrHeaderTooSmall ErrorKind = "header-too-small" // fewer than 8 bytes
	ErrHeaderTooLarge ErrorKind = "header-too-large" // a header of more than 100,000,000 bytes
	ErrHeaderLength   ErrorKind = "header-length"    // the header would reach past the end of the file
	ErrHeaderUTF8     ErrorKind = "header-utf8"      // the header, or a name to be written, is not UTF-8
	ErrHeaderJSON     ErrorKind = "header-json"      // not JSON, or not of the shape the format asks for
	ErrDuplicate      ErrorKind = "duplicate"        // a name, metadata key or field stands twice
	ErrOffset         ErrorKind = "offset"           // a range that does not begin where the one before it ended
	ErrOverflow       ErrorKind = "overflow"         // shape times width does not fit 64 bits
	ErrMisaligned     ErrorKind = "misaligned"       // a sub-byte tensor or slice that does not fill whole bytes
	ErrSize           ErrorKind = "size"             // a range, or data, whose length is not shape times width
	ErrIncomplete     ErrorKind = "incomplete"       // tensors do not cover the file to its last byte, or were not all written
	ErrChecksum       ErrorKind = "checksum"         // bytes differ from the checksum stored with them
	ErrShardIndex     ErrorKind = "index"            // a shard index that is no index, or that its shards do not bear out
	ErrReserved       ErrorKind = "reserved"         // a name or metadata key to be written is the format's own
	ErrNotCanonical   ErrorKind = "not-canonical"    // legal, but not as this package writes it: only in the report of Repair
)

// Error is the word.
func (k ErrorKind) Error() string { return string(k) }

// Errors of calls rather than of files.
var (
	// ErrNotFound: no tensor of that name.
	ErrNotFound = errors.New("no such tensor")
	// ErrDType: a view or conversion that the stored dtype does not have.
	ErrDType = errors.New("wrong dtype")
	// ErrIndex: an index out of range, more indexes than axes, two ellipses, or a
	// step that cannot be.
	ErrIndex = errors.New("index out of range")
	// ErrClosed: the File or Writer was closed.
	ErrClosed = errors.New("file is closed")
)

// A FormatError says where a rule of the format is broken. It wraps its Kind.
type FormatError struct {
	Kind ErrorKind
	// Path is the file, "" where the source has none.
	Path string
	// Tensor is the tensor concerned, the first where there are more, "" where
	// the fault is not in one.
	Tensor string
	// Field is the header field or metadata key concerned, "" where there is none.
	Field string
	// Begin and End are the bytes concerned, counted from the start of the
	// file: of the header where it is at fault, else of the tensor's data as
	// claimed. Claims past the largest int64 are cut to it. Both are 0 where no
	// range applies.
	Begin, End int64
	// Detail says in words what was found and what is right.
	Detail string
}

// Error is one line: path, tensor, field, range, kind, detail. Names of more than
// 256 bytes are cut; the fields have them whole.
func (e *FormatError) Error() string {
	var b strings.Builder
	b.WriteString("safetensors: ")
	if e.Path != "" {
		fmt.Fprintf(&b, "%s: ", e.Path)
	}
	if e.Tensor != "" {
		fmt.Fprintf(&b, "tensor %q: ", shorten(e.Tensor))
	}
	if e.Field != "" {
		fmt.Fprintf(&b, "field %q: ", shorten(e.Field))
	}
	if e.End != 0 {
		fmt.Fprintf(&b, "bytes [%d:%d): ", e.Begin, e.End)
	}
	fmt.Fprintf(&b, "%s: %s", e.Kind, e.Detail)
	return b.String()
}

// shorten keeps a hostile name from filling a log.
func shorten(name string) string {
	const most = 256 // bytes
	if len(name) <= most {
		return name
	}
	return strings.ToValidUTF8(name[:most], "") + "..."
}

// Unwrap returns the kind.
func (e *FormatError) Unwrap() error { return e.Kind }
