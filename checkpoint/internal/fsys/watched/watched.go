// Package watched is a file system of which each call is told before it is made: for tests that act at a
// chosen moment, or have a call fail, on a real disk. Package faulty has a disk of its own.
package watched

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Before is told of a call: "open", "create" (an open that may make the file), "writeat" and so on, and the name
// it is made with. If it returns an error, that is the call's.
type Before func(op, name string) error

type view struct {
	fsys.FS
	before Before
}

type root struct {
	view
	root fsys.Root
}

type file struct {
	fsys.File
	name   string
	before Before
}

// FS is f, watched, with all roots and files that are opened through it.
func FS(f fsys.FS, b Before) fsys.FS { return view{f, b} }

// Root is FS for a directory that is open already.
func Root(r fsys.Root, b Before) fsys.Root { return root{view{r, b}, r} }

func (w view) OpenRoot(name string) (fsys.Root, error) {
	if err := w.before("openroot", name); err != nil {
		return nil, err
	}
	r, err := w.FS.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return Root(r, w.before), nil
}

func (w root) Stat() (fs.FileInfo, error) { return w.root.Stat() }
func (w root) Close() error               { return w.root.Close() }

func (w view) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	op := "open"
	if flag&os.O_CREATE != 0 {
		op = "create"
	}
	if err := w.before(op, name); err != nil {
		return nil, err
	}
	f, err := w.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return file{f, name, w.before}, nil
}

func (w view) OpenDirect(name string, flag int) (fsys.File, int, error) {
	if err := w.before("opendirect", name); err != nil {
		return nil, 0, err
	}
	f, align, err := w.FS.OpenDirect(name, flag)
	if err != nil {
		return nil, 0, err
	}
	return file{f, name, w.before}, align, nil
}

func (w view) Lstat(name string) (fs.FileInfo, error) {
	if err := w.before("lstat", name); err != nil {
		return nil, err
	}
	return w.FS.Lstat(name)
}

func (w view) ReadDir(name string) ([]string, error) {
	if err := w.before("readdir", name); err != nil {
		return nil, err
	}
	return w.FS.ReadDir(name)
}

func (w view) Rename(oldname, newname string) error {
	if err := w.before("rename", newname); err != nil {
		return err
	}
	return w.FS.Rename(oldname, newname)
}

func (w view) RenameNew(oldname, newname string) error {
	if err := w.before("renamenew", newname); err != nil {
		return err
	}
	return w.FS.RenameNew(oldname, newname)
}

func (w view) Link(oldname, newname string) error {
	if err := w.before("link", newname); err != nil {
		return err
	}
	return w.FS.Link(oldname, newname)
}

func (w view) Mkdir(name string, perm fs.FileMode) error {
	if err := w.before("mkdir", name); err != nil {
		return err
	}
	return w.FS.Mkdir(name, perm)
}

func (w view) Remove(name string) error {
	if err := w.before("remove", name); err != nil {
		return err
	}
	return w.FS.Remove(name)
}

func (w view) SyncDir(name string) error {
	if err := w.before("syncdir", name); err != nil {
		return unlessSkipped(err)
	}
	return w.FS.SyncDir(name)
}

func (w file) Write(b []byte) (int, error) {
	if err := w.before("write", w.name); err != nil {
		return 0, err
	}
	return w.File.Write(b)
}

func (w file) WriteAt(b []byte, off int64) (int, error) {
	if err := w.before("writeat", w.name); err != nil {
		return 0, err
	}
	return w.File.WriteAt(b, off)
}

func (w file) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	if err := w.before("copyrange", w.name); err != nil {
		return err
	}
	if other, ok := src.(file); ok {
		src = other.File
	}
	return w.File.CopyRange(off, src, srcOff, n)
}

func (w file) Sync() error {
	if err := w.before("sync", w.name); err != nil {
		return unlessSkipped(err)
	}
	return w.File.Sync()
}

func (w file) Reserve(size int64) error {
	if err := w.before("reserve", w.name); err != nil {
		return err
	}
	return w.File.Reserve(size)
}

func (w file) Truncate(size int64) error {
	if err := w.before("truncate", w.name); err != nil {
		return err
	}
	return w.File.Truncate(size)
}

func (w file) TryLock() (bool, error) {
	if err := w.before("lock", w.name); err != nil {
		return false, err
	}
	return w.File.TryLock()
}

func (w file) TryLockShared() (bool, error) {
	if err := w.before("lock", w.name); err != nil {
		return false, err
	}
	return w.File.TryLockShared()
}

// ErrSkip has a sync do nothing, and say that it did it.
var ErrSkip = errors.New("skipped")

func unlessSkipped(err error) error {
	if errors.Is(err, ErrSkip) {
		return nil
	}
	return err
}
