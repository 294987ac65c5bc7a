package crashproof

// This file is an open file in a jail, and a disk that runs full.

import (
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A room is what is left on a disk that runs full. Nothing that is deleted gives any back.
type room struct {
	mu       sync.Mutex
	left     int64 // bytes
	reserves bool  // a reservation takes from it, and not the writes that come after; else it is the other way round
}

// take takes n bytes for a write, or as many as there are.
func (r *room) take(n int) (granted int, err error) {
	if r == nil || r.reserves {
		return n, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	granted = int(min(int64(n), r.left))
	r.left -= int64(granted)
	if granted < n {
		err = syscall.ENOSPC
	}
	return granted, err
}

// reserve takes n bytes or none.
func (r *room) reserve(n int64) error {
	if r == nil || !r.reserves {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > r.left {
		r.left = 0 // what is smaller does not fit either, from now on
		return syscall.ENOSPC
	}
	r.left -= n
	return nil
}

type jailedFile struct {
	fsys.File
	hook   *hook
	direct bool
}

func (f jailedFile) Write(p []byte) (int, error) {
	f.hook.call("write")
	granted, full := f.hook.room.take(len(p))
	n, err := f.File.Write(p[:granted])
	return n, first(err, full)
}

func (f jailedFile) WriteAt(p []byte, off int64) (int, error) {
	f.hook.call("writeat")
	granted, full := f.hook.room.take(len(p))
	if full != nil && f.direct {
		return 0, full // a part of it would be out of line
	}
	n, err := f.File.WriteAt(p[:granted], off)
	return n, first(err, full)
}

func (f jailedFile) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	f.hook.call("copyrange")
	if _, err := f.hook.room.take(int(n)); err != nil {
		return err
	}
	if other, ok := src.(jailedFile); ok {
		src = other.File
	}
	return f.File.CopyRange(off, src, srcOff, n)
}

func (f jailedFile) Chmod(mode fs.FileMode) error {
	f.hook.call("chmod")
	return f.File.Chmod(mode)
}

func (f jailedFile) Sync() error {
	f.hook.call("sync")
	if f.hook.loseSyncs {
		return nil
	}
	return f.File.Sync()
}

func (f jailedFile) Reserve(size int64) error {
	f.hook.call("reserve")
	if err := f.hook.room.reserve(size); err != nil {
		return err
	}
	return f.File.Reserve(size)
}

func (f jailedFile) Truncate(size int64) error {
	f.hook.call("truncate")
	return f.File.Truncate(size)
}

func (f jailedFile) TryLock() (bool, error) {
	f.hook.call("lock")
	return f.File.TryLock()
}

func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
