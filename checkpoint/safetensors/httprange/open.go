package httprange

// This file opens remote safetensors files.

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Open opens the safetensors file at rawURL. It reads the header, by one request
// or two; tensors are read when asked for. ctx bounds the requests of the File,
// later ones too: end it to end reads that are under way, for which the File's
// Close waits. Errors are an *Error, a *safetensors.FormatError, or say what is
// wrong with the URL.
//
// To open a file in another way, leniently for example, pass FS and the file's
// name to safetensors.OpenFS.
func Open(ctx context.Context, rawURL string, o *Options) (*safetensors.File, error) {
	opt := o.orDefault()
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, err
	}
	r, err := newReader(ctx, u, opt)
	if err != nil {
		return nil, err
	}
	name := nameOf(u)
	d := &beside{folder: folder{ctx: ctx, base: parent(u), opt: opt}, url: u, name: name}
	d.first.Store(r)
	f, err := safetensors.OpenFS(d, name, &safetensors.OpenOptions{MaxHeader: opt.MaxHeader})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return f, nil
}

// nameOf is the last part of the URL's path, as far as it is a file's name.
func nameOf(u *url.URL) string {
	escaped := u.EscapedPath()
	name, err := url.PathUnescape(escaped[strings.LastIndexByte(escaped, '/')+1:])
	if err != nil || name == "." || strings.Contains(name, "/") || !fs.ValidPath(name) {
		return "file"
	}
	return name
}

// parent is u without the last part of its path.
func parent(u *url.URL) *url.URL {
	d := *u
	escaped := u.EscapedPath()
	d.RawPath = escaped[:strings.LastIndexByte(escaped, '/')+1]
	if p, err := url.PathUnescape(d.RawPath); err == nil {
		d.Path = p
	}
	return &d
}

// A beside is a file that is open already, and the folder it lies in, which has
// the others that an index of shards names.
type beside struct {
	folder
	url   *url.URL
	name  string
	first atomic.Pointer[Reader] // until it is taken
}

// Open gives the open file once.
func (d *beside) Open(name string) (fs.File, error) {
	if name != d.name {
		return d.folder.Open(name)
	}
	if r := d.first.Swap(nil); r != nil {
		return &file{Reader: r, name: name}, nil
	}
	r, err := newReader(d.ctx, d.url, d.opt)
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: name, Err: err}
	}
	return &file{Reader: r, name: name}, nil
}

// ReadFile is fs.ReadFileFS.
func (d *beside) ReadFile(name string) ([]byte, error) { return readFile(d, name) }
