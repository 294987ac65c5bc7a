package fsys

// This file is a directory of the system as a file system: os.Root, and below it the same
// calls that differ per system. It stays open beside its Root, whose own handle nobody gets.

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
)

type osRoot struct {
	*os.Root
	dir *os.File
}

func newRoot(r *os.Root, err error) (Root, error) {
	if err != nil {
		return nil, err // not a typed nil
	}
	dir, err := r.Open(".")
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return osRoot{r, dir}, nil
}

func (r osRoot) Close() error { return errors.Join(r.dir.Close(), r.Root.Close()) }

func (r osRoot) OpenFile(name string, flag int, perm fs.FileMode) (File, error) {
	f, err := r.Root.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // not a typed nil
	}
	return osFile{f}, nil
}

func (r osRoot) OpenDirect(name string, flag int) (File, int, error) {
	f, align, err := openDirect(r.Root.OpenFile, name, flag)
	if err != nil {
		return nil, 0, err // not a typed nil
	}
	return osFile{f}, align, nil
}

func (r osRoot) OpenDir(name string) (File, error) {
	f, err := openDir(r.Open, name)
	if err != nil {
		return nil, err // not a typed nil
	}
	return osFile{f}, nil
}

func (r osRoot) OpenRoot(name string) (Root, error) {
	info, err := r.Root.Stat(name)
	if err == nil && !info.IsDir() {
		err = notDir(name)
	}
	if err != nil {
		return nil, err
	}
	return newRoot(r.Root.OpenRoot(name))
}

func (r osRoot) Stat() (fs.FileInfo, error)            { return r.Root.Stat(".") }
func (r osRoot) SameFile(a, b fs.FileInfo) bool        { return os.SameFile(a, b) }
func (r osRoot) ReadDir(name string) ([]string, error) { return readDir(r.Open, name) }
func (r osRoot) SyncDir(name string) error             { return syncDir(r.Open, name) }
func (r osRoot) Link(oldname, newname string) error    { return linkError(r.Root.Link(oldname, newname)) }
func (r osRoot) Rename(oldname, newname string) error  { return renameIn(r.Root, oldname, newname) }

func (r osRoot) Free(name string) (int64, error) {
	if name == "." {
		return freeOn(r.dir)
	}
	return freeAt(r.Open, name)
}

func (r osRoot) RenameNew(oldname, newname string) error {
	err := r.onTwo(oldname, newname, renameNoReplace)
	return orInSteps(r, err, oldname, newname)
}

func (r osRoot) Exchange(a, b string) error {
	return linkFailed("exchange", a, b, r.onTwo(a, b, exchange))
}

// onTwo opens the directories of two names, so that the call follows no path.
func (r osRoot) onTwo(a, b string, call func(a, b place) error) error {
	from, err := r.place(a)
	if err != nil {
		return err
	}
	defer from.dir.Close() // nothing was written through it
	to, err := r.place(b)
	if err != nil {
		return err
	}
	defer to.dir.Close() // nothing was written through it
	return call(from, to)
}

// place opens the directory that name is in.
func (r osRoot) place(name string) (place, error) {
	dir, base := ".", name
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		dir, base = name[:i+1], name[i+1:]
	}
	if base == "" || base == "." || base == ".." {
		return place{}, syscall.EBUSY
	}
	d, err := r.Open(dir)
	return place{d, base}, err
}
