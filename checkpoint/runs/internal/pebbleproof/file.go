package pebbleproof

// This file is an open file: the calls of fsys.File, made on one of Pebble's.

import (
	"errors"
	"io"
	"io/fs"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"
)

type file struct {
	proc   *process
	name   string // as it was opened; the file may be called otherwise by now
	inner  vfs.File
	node   *inode
	closed bool
}

// call is process.call for a handle, which must be open.
func (f *file) call(op string, effect func() error) error {
	whole := process{disk: f.proc.disk, hooks: f.proc.hooks} // for a name that is a path already
	return whole.call(op, f.name, func(string) error {
		if f.closed {
			return fs.ErrClosed
		}
		return effect()
	})
}

func (f *file) Write(p []byte) (n int, err error) {
	err = f.call("write", func() error {
		n, err = f.inner.Write(slices.Clone(p)) // it may change them
		return err
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	err = f.call("writeat", func() error {
		n, err = f.inner.WriteAt(p, off)
		return err
	})
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (n int, err error) {
	end := false
	err = f.call("readat", func() error {
		n, err = f.inner.ReadAt(p, off)
		if end = errors.Is(err, io.EOF); end {
			return nil
		}
		return err
	})
	if err == nil && end {
		err = io.EOF // bare, as io.ReaderAt has it
	}
	return n, err
}

func (f *file) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	b := make([]byte, n)
	switch m, err := src.ReadAt(b, srcOff); {
	case m == len(b):
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	default:
		return err
	}
	_, err := f.WriteAt(b, off)
	return err
}

func (f *file) Stat() (out fs.FileInfo, err error) {
	err = f.call("stat", func() error {
		there, err := f.inner.Stat()
		if err == nil {
			out = info{there, f.node}
		}
		return err
	})
	return out, err
}

func (f *file) Sync() error {
	return f.call("sync", func() error { return f.inner.Sync() })
}

// Truncate writes zeros: over what goes, or behind the end.
func (f *file) Truncate(size int64) error {
	return f.call("truncate", func() error {
		there, err := f.inner.Stat()
		if err != nil || there.Size() == size {
			return err
		}
		if size < 0 {
			return syscall.EINVAL
		}
		begin, end := min(size, there.Size()), max(size, there.Size())
		_, err = f.inner.WriteAt(make([]byte, end-begin), begin)
		return err
	})
}

// Map returns a copy.
func (f *file) Map() (data []byte, unmap func() error, err error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, func() error { return nil }, err
	}
	data = make([]byte, info.Size())
	_, err = f.ReadAt(data, 0)
	return data, func() error { return nil }, err
}

func (f *file) Chmod(fs.FileMode) error { return f.call("chmod", func() error { return nil }) }
func (f *file) Reserve(int64) error     { return f.call("reserve", func() error { return nil }) }
func (f *file) Evict() error            { return f.call("evict", func() error { return nil }) }

func (f *file) TryLock() (bool, error)       { return f.lock("lock", true) }
func (f *file) TryLockShared() (bool, error) { return f.lock("lockshared", false) }

func (f *file) lock(op string, exclusive bool) (ok bool, err error) {
	err = f.call(op, func() error {
		ok = f.node.lock(f, exclusive)
		return nil
	})
	return ok, err
}

// Close closes, also where it says that it could not.
func (f *file) Close() error {
	return f.call("close", func() error {
		f.closed = true
		f.proc.disk.open--
		delete(f.node.locks, f)
		return f.inner.Close()
	})
}
