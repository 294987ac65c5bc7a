package httprange

// This file is a folder of remote files as an fs.FS.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"
)

// FS returns the files below base, a URL whose query, if it has one, goes with
// every request. Opening a file is a request, as NewReader makes it, and gives an
// fs.File that is an io.ReaderAt too. Reading it from its start asks for a
// mebibyte at a time. Folders can be neither opened nor listed. ctx bounds all
// requests, also those of files that are open. What is wrong with base is said by
// every Open.
//
// Any number of goroutines may use it and its files; of one file, only Read needs
// a goroutine for itself.
func FS(ctx context.Context, base string, o *Options) fs.FS {
	u, err := parseURL(base)
	return &folder{ctx: ctx, base: u, err: err, opt: o.orDefault()}
}

type folder struct {
	ctx  context.Context
	base *url.URL
	err  error // of base
	opt  Options
}

// Open is fs.FS. Errors are an *fs.PathError.
func (d *folder) Open(name string) (fs.File, error) {
	r, err := d.open(name)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{Reader: r, name: name}, nil
}

func (d *folder) open(name string) (*Reader, error) {
	switch {
	case !fs.ValidPath(name):
		return nil, fs.ErrInvalid
	case d.err != nil:
		return nil, d.err
	case name == ".":
		return nil, errNoFolders
	}
	return newReader(d.ctx, below(d.base, name), d.opt)
}

// errNoFolders wraps what says that a file system lacks something.
var errNoFolders = fmt.Errorf("%w: a folder over HTTP", errors.ErrUnsupported)

// ReadFile is fs.ReadFileFS. Memory grows with what comes, whatever size the
// server claims.
func (d *folder) ReadFile(name string) ([]byte, error) {
	return readFile(d, name)
}

func readFile(d fs.FS, name string) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return b, nil
}

// below is the URL of the file called name below base.
func below(base *url.URL, name string) *url.URL {
	parts := strings.Split(name, "/")
	for i, part := range parts {
		// S3 takes a plus for a space, also in paths.
		parts[i] = strings.ReplaceAll(url.PathEscape(part), "+", "%2B")
	}
	u := *base
	u.RawPath = strings.TrimSuffix(base.EscapedPath(), "/") + "/" + strings.Join(parts, "/")
	u.Path = strings.TrimSuffix(base.Path, "/") + "/" + name
	return &u
}

// A file is a Reader with a position.
type file struct {
	*Reader
	name string
	// ahead reads from the start to the end. Most files are never read so, and
	// then there is none.
	ahead *bufio.Reader
}

// Read is io.Reader, for one goroutine.
func (f *file) Read(p []byte) (int, error) {
	if f.ahead == nil {
		whole := io.NewSectionReader(f.Reader, 0, f.Size())
		f.ahead = bufio.NewReaderSize(whole, int(min(f.Size(), readAhead)))
	}
	return f.ahead.Read(p)
}

// Stat asks nothing: the first answer told.
func (f *file) Stat() (fs.FileInfo, error) { return info{f}, nil }

// An info is what the first answer says of a file.
type info struct{ f *file }

func (i info) Name() string      { return path.Base(i.f.name) }
func (i info) Size() int64       { return i.f.Size() }
func (i info) Mode() fs.FileMode { return 0o444 }
func (i info) IsDir() bool       { return false }
func (i info) Sys() any          { return nil }

// ModTime is the Last-Modified of the file, the zero time without one.
func (i info) ModTime() time.Time {
	t, err := http.ParseTime(i.f.version.modified)
	if err != nil {
		return time.Time{}
	}
	return t
}
