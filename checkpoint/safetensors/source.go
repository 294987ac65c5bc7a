package safetensors

// This file is where bytes come from: memory, a mapping, or any io.ReaderAt.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// A source is the bytes of one file. Exactly one of mem and r is set, but for an
// empty file.
type source struct {
	path   string        // "" where it has none
	mem    []byte        // the whole file
	mapped *mmap.Mapping // of which mem is the bytes: reading them can fault; else nil
	r      io.ReaderAt   // safe for concurrent use, as io.ReaderAt promises
	size   int64
	closer io.Closer // nil where there is nothing to release

	head [lengthBytes]byte // the first bytes, once read; a variable would be an allocation
}

// mapSource maps the file at path.
func mapSource(path string, copyOnWrite bool) (*source, error) {
	m, err := mmap.Open(path, copyOnWrite)
	if err != nil {
		return nil, err
	}
	b := m.Bytes()
	return &source{path: path, mem: b, mapped: m, size: int64(len(b)), closer: m}, nil
}

// fileSource reads the file at path piece by piece.
func fileSource(path string) (*source, error) {
	// Opening a pipe would wait for a writer, so look first.
	if info, err := os.Stat(path); err != nil {
		return nil, err
	} else if err := regular(path, info); err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	s, err := openedSource(f, path)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// fsSource reads a file of fsys. One that cannot be read at an offset is read
// whole.
func fsSource(fsys fs.FS, name string) (*source, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	s, err := openedSource(f, name)
	if errors.Is(err, errors.ErrUnsupported) {
		var b []byte
		b, err = io.ReadAll(f)
		s = &source{path: name, mem: b, size: int64(len(b)), closer: f}
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// openedSource takes the open file of that path, which it then owns.
func openedSource(f fs.File, path string) (*source, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := regular(path, info); err != nil {
		return nil, err
	}
	r, ok := f.(io.ReaderAt)
	if !ok {
		return nil, errors.ErrUnsupported
	}
	return &source{path: path, r: r, size: info.Size(), closer: f}, nil
}

func regular(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("open %s: not a regular file but %s", path, info.Mode())
	}
	return nil
}

// readAt fills p from offset off, which the caller has checked against the size.
func (s *source) readAt(p []byte, off int64) error {
	if s.r == nil {
		bulk.Copy(p, s.mem[off:][:len(p)])
		return nil
	}
	n, err := readFull(s.r, p, off)
	if err != nil {
		return s.ioError(off+int64(n), off+int64(len(p)), err)
	}
	return nil
}

// fill is a readAt that is guarded.
func (s *source) fill(p []byte, off int64) error {
	if s.mapped == nil {
		return s.readAt(p, off)
	}
	return s.guarded(off, off+int64(len(p)), func() error { return s.readAt(p, off) })
}

// guarded runs read, which may call readAt any number of times for bytes of
// [begin, end). Where somebody has truncated a mapped file, that is an error,
// whether it faults or gives zeros.
func (s *source) guarded(begin, end int64, read func() error) error {
	if s.mapped == nil {
		return read()
	}
	var err error
	fault := mmap.Guard(func() { err = read() })
	if fault == nil {
		fault = s.mapped.Check(end)
	}
	if fault != nil {
		return s.ioError(begin, end, fault)
	}
	return err
}

// ioError says which bytes could not be read.
func (s *source) ioError(begin, end int64, err error) error {
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%w: the file is shorter than it was when opened", io.ErrUnexpectedEOF)
	}
	return fmt.Errorf("safetensors: %sread bytes [%d:%d): %w", s.where(), begin, end, err)
}

// where is the path for the beginning of a message, "" without one.
func (s *source) where() string { return prefix(s.path) }

func prefix(path string) string {
	if path == "" {
		return ""
	}
	return path + ": "
}

// readFull fills p. Unlike io.ReaderAt's contract it takes short reads without
// an error for what they are, as some sources over networks return them.
func readFull(r io.ReaderAt, p []byte, off int64) (n int, err error) {
	for idle := 0; n < len(p); {
		m, err := r.ReadAt(p[n:], off+int64(n))
		n += m
		switch {
		case n >= len(p):
			return n, nil
		case err != nil:
			return n, err
		case m > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return n, io.ErrNoProgress
			}
		}
	}
	return n, nil
}

// close lets go of the memory too, which the File may outlive.
func (s *source) close() error {
	s.mem = nil
	if s.closer == nil {
		return nil
	}
	return s.closer.Close()
}
