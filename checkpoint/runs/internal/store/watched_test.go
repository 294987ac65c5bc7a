package store

// This file is a file system of which each call is told before it is made.

import (
	"errors"
	"io"
	"io/fs"
	"sync/atomic"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// before is told of a call. If it returns an error, that is the call's.
type before func(op, name string) error

// callAt has fn called before call number n, counting from 0.
func callAt(n int64, fn func()) before {
	var calls atomic.Int64
	return func(string, string) error {
		if calls.Add(1)-1 == n {
			fn()
		}
		return nil
	}
}

// noLocks is what a file system without locks says.
func noLocks(op, _ string) error {
	if op == "lock" {
		return errors.ErrUnsupported
	}
	return nil
}

// inTurn asks each.
func inTurn(all ...before) before {
	return func(op, name string) error {
		for _, b := range all {
			if err := b(op, name); err != nil {
				return err
			}
		}
		return nil
	}
}

type watchedFS struct {
	fsys.FS
	before before
}

type watchedRoot struct {
	watchedFS
	root fsys.Root
}

type watchedFile struct {
	fsys.File
	name   string
	before before
}

func watch(f fsys.FS, b before) fsys.FS { return watchedFS{f, b} }

func (w watchedFS) OpenRoot(name string) (fsys.Root, error) {
	if err := w.before("openroot", name); err != nil {
		return nil, err
	}
	root, err := w.FS.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return watchedRoot{watchedFS{root, w.before}, root}, nil
}

func (w watchedRoot) Stat() (fs.FileInfo, error) { return w.root.Stat() }
func (w watchedRoot) Close() error               { return w.root.Close() }

func (w watchedFS) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if err := w.before("open", name); err != nil {
		return nil, err
	}
	f, err := w.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return watchedFile{f, name, w.before}, nil
}

func (w watchedFS) OpenDirect(name string, flag int) (fsys.File, int, error) {
	if err := w.before("opendirect", name); err != nil {
		return nil, 0, err
	}
	f, align, err := w.FS.OpenDirect(name, flag)
	if err != nil {
		return nil, 0, err
	}
	return watchedFile{f, name, w.before}, align, nil
}

func (w watchedFS) Lstat(name string) (fs.FileInfo, error) {
	if err := w.before("lstat", name); err != nil {
		return nil, err
	}
	return w.FS.Lstat(name)
}

func (w watchedFS) ReadDir(name string) ([]string, error) {
	if err := w.before("readdir", name); err != nil {
		return nil, err
	}
	return w.FS.ReadDir(name)
}

func (w watchedFS) Rename(oldname, newname string) error {
	if err := w.before("rename", newname); err != nil {
		return err
	}
	return w.FS.Rename(oldname, newname)
}

func (w watchedFS) RenameNew(oldname, newname string) error {
	if err := w.before("renamenew", newname); err != nil {
		return err
	}
	return w.FS.RenameNew(oldname, newname)
}

func (w watchedFS) Link(oldname, newname string) error {
	if err := w.before("link", newname); err != nil {
		return err
	}
	return w.FS.Link(oldname, newname)
}

func (w watchedFS) Mkdir(name string, perm fs.FileMode) error {
	if err := w.before("mkdir", name); err != nil {
		return err
	}
	return w.FS.Mkdir(name, perm)
}

func (w watchedFS) Remove(name string) error {
	if err := w.before("remove", name); err != nil {
		return err
	}
	return w.FS.Remove(name)
}

func (w watchedFS) SyncDir(name string) error {
	if err := w.before("syncdir", name); err != nil {
		return unlessSkipped(err)
	}
	return w.FS.SyncDir(name)
}

func (w watchedFile) Write(b []byte) (int, error) {
	if err := w.before("write", w.name); err != nil {
		return 0, err
	}
	return w.File.Write(b)
}

func (w watchedFile) WriteAt(b []byte, off int64) (int, error) {
	if err := w.before("writeat", w.name); err != nil {
		return 0, err
	}
	return w.File.WriteAt(b, off)
}

func (w watchedFile) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	if err := w.before("copyrange", w.name); err != nil {
		return err
	}
	if other, ok := src.(watchedFile); ok {
		src = other.File
	}
	return w.File.CopyRange(off, src, srcOff, n)
}

func (w watchedFile) Sync() error {
	if err := w.before("sync", w.name); err != nil {
		return unlessSkipped(err)
	}
	return w.File.Sync()
}

func (w watchedFile) Reserve(size int64) error {
	if err := w.before("reserve", w.name); err != nil {
		return err
	}
	return w.File.Reserve(size)
}

func (w watchedFile) Truncate(size int64) error {
	if err := w.before("truncate", w.name); err != nil {
		return err
	}
	return w.File.Truncate(size)
}

func (w watchedFile) TryLock() (bool, error) {
	if err := w.before("lock", w.name); err != nil {
		return false, err
	}
	return w.File.TryLock()
}

func (w watchedFile) TryLockShared() (bool, error) {
	if err := w.before("lock", w.name); err != nil {
		return false, err
	}
	return w.File.TryLockShared()
}

// errSkip has a call do nothing, and say that it did it.
var errSkip = errors.New("skipped")

// noSync makes nothing durable, which takes long and is nothing to a process that is killed.
func noSync(op, _ string) error {
	if op == "sync" || op == "syncdir" {
		return errSkip
	}
	return nil
}

func unlessSkipped(err error) error {
	if errors.Is(err, errSkip) {
		return nil
	}
	return err
}
