package fsys

// This file is the real file system by path: package os, plus the calls that differ per
// system (openFile, openDir, openDirect, rename, renameNoReplace, exchange, syncDir,
// freeAt), each in files of its own.

import (
	"errors"
	"fmt"
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

func (osFS) OpenDirect(name string, flag int) (File, int, error) {
	f, align, err := openDirect(os.OpenFile, name, flag)
	if err != nil {
		return nil, 0, err // not a typed nil
	}
	return osFile{f}, align, nil
}

func (osFS) Lstat(name string) (fs.FileInfo, error) { return os.Lstat(name) }
func (osFS) Readlink(name string) (string, error)   { return os.Readlink(name) }
func (osFS) SameFile(a, b fs.FileInfo) bool         { return os.SameFile(a, b) }
func (osFS) Rename(oldname, newname string) error   { return rename(oldname, newname) }
func (osFS) Symlink(target, newname string) error   { return os.Symlink(target, newname) }
func (osFS) Remove(name string) error               { return os.Remove(name) }
func (osFS) SyncDir(name string) error              { return syncDir(os.Open, name) }
func (osFS) Free(name string) (int64, error)        { return freeAt(os.Open, name) }

func (osFS) Mkdir(name string, perm fs.FileMode) error { return os.Mkdir(name, perm) }

func (osFS) Link(oldname, newname string) error {
	return linkError(os.Link(oldname, newname))
}

// linkError marks what says that files cannot have a second name.
func linkError(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK) {
		err = fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

func (osFS) RenameNew(oldname, newname string) error {
	err := renameNoReplace(place{name: oldname}, place{name: newname})
	return orInSteps(osFS{}, err, oldname, newname)
}

func (osFS) Exchange(a, b string) error {
	return linkFailed("exchange", a, b, exchange(place{name: a}, place{name: b}))
}

func (osFS) OpenDir(name string) (File, error) {
	f, err := openDir(os.Open, name)
	if err != nil {
		return nil, err // not a typed nil
	}
	return osFile{f}, nil
}

func (osFS) ReadDir(name string) ([]string, error) {
	return readDir(os.Open, name)
}

// opener is os.Open, or the same below a Root.
type opener func(name string) (*os.File, error)

// openerFor is os.OpenFile, or the same below a Root.
type openerFor func(name string, flag int, perm fs.FileMode) (*os.File, error)

func readDir(open opener, name string) ([]string, error) {
	d, err := open(name)
	if err != nil {
		return nil, err
	}
	defer d.Close() // nothing was written through it
	names, err := d.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

func (osFS) OpenRoot(name string) (Root, error) {
	info, err := os.Stat(name)
	if err == nil && !info.IsDir() {
		err = notDir(name) // also of a pipe, whose opening would wait
	}
	if err != nil {
		return nil, err
	}
	return newRoot(os.OpenRoot(name))
}

func notDir(name string) error {
	return &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
}
