package fsys

// This file is the real file system: package os, plus the calls that differ per
// system (openFile, openDir, openDirect, rename, renameNew, exchange, lockFile, reserve,
// copyRange, syncDir), each in files of its own.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"syscall"
)

// OS is the file system of this machine.
var OS FS = osFS{}

type osFS struct{}

func (osFS) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := openFile(name, flag, perm)
	if err != nil {
		return nil, err // not a typed nil
	}
	return osFile{f}, nil
}

func (osFS) OpenDirect(name string) (File, int, error) {
	f, align, err := openDirect(name)
	if err != nil {
		return nil, 0, err // not a typed nil
	}
	return osFile{f}, align, nil
}

func (osFS) Lstat(name string) (fs.FileInfo, error)  { return os.Lstat(name) }
func (osFS) Readlink(name string) (string, error)    { return os.Readlink(name) }
func (osFS) SameFile(a, b fs.FileInfo) bool          { return os.SameFile(a, b) }
func (osFS) Rename(oldname, newname string) error    { return rename(oldname, newname) }
func (osFS) RenameNew(oldname, newname string) error { return renameNew(oldname, newname) }
func (osFS) Symlink(target, newname string) error    { return os.Symlink(target, newname) }
func (osFS) Remove(name string) error                { return os.Remove(name) }
func (osFS) SyncDir(name string) error               { return syncDir(name) }

func (osFS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

func (osFS) Link(oldname, newname string) error {
	err := os.Link(oldname, newname)
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK) {
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

func (osFS) Exchange(a, b string) error {
	if err := exchange(a, b); err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}

func (osFS) OpenDir(name string) (File, error) {
	f, err := openDir(name)
	if err != nil {
		return nil, err // not a typed nil
	}
	return osFile{f}, nil
}

func (osFS) ReadDir(name string) ([]string, error) {
	d, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close() // nothing was written through it
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

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

func (f osFile) TryLock() (bool, error) {
	ok, err := lockFile(f.File)
	if err != nil {
		return false, &fs.PathError{Op: "lock", Path: f.Name(), Err: err}
	}
	return ok, nil
}
