package fsys

// This file is an open file of the system: package os, plus the calls that differ per
// system (lockFile, reserve, copyRange, evict), each in files of its own.

import (
	"io"
	"io/fs"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// osFile adds to *os.File what it lacks. Its Write loops over short writes and
// interrupted calls; its Sync is F_FULLFSYNC on macOS.
type osFile struct{ *os.File }

func (f osFile) Reserve(size int64) error {
	if size == 0 {
		return nil // which the systems refuse
	}
	if err := reserve(f.File, size); err != nil {
		return &fs.PathError{Op: "reserve", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	done := copyRange(f.File, off, src, srcOff, n)
	return copyThrough(f.File, off+done, src, srcOff+done, n-done)
}

func (f osFile) Map() (data []byte, unmap func() error, err error) {
	return mmap.Map(f.File)
}

func (f osFile) Evict() error {
	if err := evict(f.File); err != nil {
		return &fs.PathError{Op: "evict", Path: f.Name(), Err: err}
	}
	return nil
}

func (f osFile) TryLock() (bool, error)       { return f.lock(true) }
func (f osFile) TryLockShared() (bool, error) { return f.lock(false) }

func (f osFile) lock(exclusive bool) (bool, error) {
	ok, err := lockFile(f.File, exclusive)
	if err != nil {
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return ok, nil
}
