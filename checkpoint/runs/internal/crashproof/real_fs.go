package crashproof

// This file is a directory of a real disk as a file system for the stories, whose absolute names
// count from it, with a word before each call that changes something.

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A hook is what is done before calls, and to them.
type hook struct {
	before    func(op string) // nil for nothing
	room      *room           // nil for as much as there is
	loseSyncs bool            // files are not synced, and it is said that they were
}

func (h *hook) call(op string) {
	if h.before != nil {
		h.before(op)
	}
}

// A jail is a file system that no name leads out of.
type jail struct {
	fsys.FS // of names relative to the directory
	hook    *hook
}

// A jailedRoot is a directory in it.
type jailedRoot struct {
	jail
	root fsys.Root
}

var (
	_ fsys.FS   = jail{}
	_ fsys.Root = jailedRoot{}
)

// inside is a name as it counts from the directory.
func inside(name string) string {
	if name = strings.TrimLeft(filepath.ToSlash(name), "/"); name == "" {
		return "."
	}
	return name
}

func (j jail) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	if flag&(os.O_CREATE|os.O_TRUNC) != 0 {
		j.hook.call("open")
	}
	f, err := j.FS.OpenFile(inside(name), flag, perm)
	if err != nil {
		return nil, err
	}
	return jailedFile{f, j.hook, false}, nil
}

func (j jail) OpenDirect(name string, flag int) (fsys.File, int, error) {
	f, align, err := j.FS.OpenDirect(inside(name), flag)
	if err != nil {
		return nil, 0, err
	}
	return jailedFile{f, j.hook, true}, align, nil
}

func (j jail) OpenDir(name string) (fsys.File, error) {
	f, err := j.FS.OpenDir(inside(name))
	if err != nil {
		return nil, err
	}
	return jailedFile{f, j.hook, false}, nil
}

func (j jail) OpenRoot(name string) (fsys.Root, error) {
	r, err := j.FS.OpenRoot(inside(name))
	if err != nil {
		return nil, err
	}
	return jailedRoot{jail{r, j.hook}, r}, nil
}

func (r jailedRoot) Stat() (fs.FileInfo, error) { return r.root.Stat() }
func (r jailedRoot) Close() error               { return r.root.Close() }

func (j jail) Lstat(name string) (fs.FileInfo, error) { return j.FS.Lstat(inside(name)) }
func (j jail) Readlink(name string) (string, error)   { return j.FS.Readlink(inside(name)) }
func (j jail) ReadDir(name string) ([]string, error)  { return j.FS.ReadDir(inside(name)) }
func (j jail) Free(name string) (int64, error)        { return j.FS.Free(inside(name)) }

func (j jail) Rename(oldname, newname string) error {
	j.hook.call("rename")
	return j.FS.Rename(inside(oldname), inside(newname))
}

func (j jail) RenameNew(oldname, newname string) error {
	j.hook.call("renamenew")
	return j.FS.RenameNew(inside(oldname), inside(newname))
}

func (j jail) Exchange(a, b string) error {
	j.hook.call("exchange")
	return j.FS.Exchange(inside(a), inside(b))
}

func (j jail) Link(oldname, newname string) error {
	j.hook.call("link")
	return j.FS.Link(inside(oldname), inside(newname))
}

func (j jail) Symlink(target, newname string) error {
	j.hook.call("symlink")
	return j.FS.Symlink(target, inside(newname))
}

func (j jail) Mkdir(name string, perm fs.FileMode) error {
	j.hook.call("mkdir")
	return j.FS.Mkdir(inside(name), perm)
}

func (j jail) Remove(name string) error {
	j.hook.call("remove")
	return j.FS.Remove(inside(name))
}

func (j jail) SyncDir(name string) error {
	j.hook.call("syncdir")
	return j.FS.SyncDir(inside(name))
}
