package oplog

// This file records the calls on an open file.

import (
	"errors"
	"io"
	"io/fs"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// errHeld stands in the log for a lock that could not be had. The call itself returns false.
var errHeld = errors.New("another has the lock")

// file is an open file whose calls are recorded. What only looks goes past.
type file struct {
	fsys.File
	log    *oplog
	number int
	name   string // as it was opened
	direct bool
}

func (f *file) record(op Op, call func(op *Op) error) error {
	op.File, op.Name = f.number, f.name
	return f.log.record(op, call)
}

func (f *file) Write(p []byte) (n int, err error) {
	err = f.record(Op{Call: "write"}, func(op *Op) (err error) {
		n, err = f.File.Write(p)
		op.Data = slices.Clone(p[:n])
		return err
	})
	return n, err
}

func (f *file) WriteAt(p []byte, off int64) (n int, err error) {
	call := "writeat"
	if f.direct {
		call = "writedirect"
	}
	err = f.record(Op{Call: call, Off: off}, func(op *Op) (err error) {
		n, err = f.File.WriteAt(p, off)
		op.Data = slices.Clone(p[:n])
		return err
	})
	return n, err
}

// CopyRange reads src once more for the log, which has its bytes.
func (f *file) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	if recorded, ok := src.(*file); ok {
		src = recorded.File // so that the kernel can still do it
	}
	return f.record(Op{Call: "copyrange", Off: off}, func(op *Op) error {
		if err := f.File.CopyRange(off, src, srcOff, n); err != nil {
			return err
		}
		data := make([]byte, n)
		if _, err := io.ReadFull(io.NewSectionReader(src, srcOff, n), data); err != nil {
			return err
		}
		op.Data = data
		return nil
	})
}

func (f *file) Chmod(mode fs.FileMode) error {
	return f.record(Op{Call: "chmod", Mode: mode}, func(*Op) error { return f.File.Chmod(mode) })
}

func (f *file) Sync() error {
	return f.record(Op{Call: "sync"}, func(*Op) error { return f.File.Sync() })
}

func (f *file) Reserve(size int64) error {
	return f.record(Op{Call: "reserve", Size: size}, func(*Op) error { return f.File.Reserve(size) })
}

func (f *file) Truncate(size int64) error {
	return f.record(Op{Call: "truncate", Size: size}, func(*Op) error { return f.File.Truncate(size) })
}

func (f *file) TryLock() (bool, error)       { return f.lock("lock", f.File.TryLock) }
func (f *file) TryLockShared() (bool, error) { return f.lock("lockshared", f.File.TryLockShared) }

func (f *file) lock(call string, try func() (bool, error)) (ok bool, err error) {
	err = f.record(Op{Call: call}, func(*Op) (err error) {
		ok, err = try()
		if err == nil && !ok {
			err = errHeld
		}
		return err
	})
	if errors.Is(err, errHeld) {
		return false, nil
	}
	return ok, err
}

func (f *file) Close() error {
	return f.record(Op{Call: "close"}, func(*Op) error { return f.File.Close() })
}
