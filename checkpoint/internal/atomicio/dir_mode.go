package atomicio

// This file is what new files and folders are permitted: what the old ones were, or less.

import (
	"errors"
	"io/fs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// modeKept is what is kept of a folder's mode. Setgid makes its files the group's.
const modeKept = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

// setDirMode gives an open folder the mode of another one. Nothing is set that is so
// already: there are file systems that know no modes and refuse.
func setDirMode(h fsys.File, like fs.FileInfo) error {
	own, err := h.Stat()
	if err != nil || own.Mode()&modeKept == like.Mode()&modeKept {
		return err
	}
	return h.Chmod(like.Mode() & modeKept)
}

// permOf is the mode of a new file: that of the old one of its name, or no more than all
// old ones grant.
func (d *Dir) permOf(name string) (fs.FileMode, error) {
	info, err := d.opts.FS.Lstat(join(d.target.path(), name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.perm, nil
	case err != nil:
		return 0, err
	case info.Mode().IsRegular():
		return info.Mode().Perm() | 0o200, nil
	}
	return d.perm, nil
}

// permOfMine is what all files grant that the folder replaces.
func (d *Dir) permOfMine() (fs.FileMode, error) {
	perm := fs.FileMode(0o666)
	names, err := d.opts.FS.ReadDir(d.target.path())
	for try := 1; errors.Is(err, fs.ErrNotExist) && try < maxTries; try++ {
		if d.isGone(d.target.path()) {
			return perm, nil
		}
		names, err = d.opts.FS.ReadDir(d.target.path()) // another writer has just replaced it
	}
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		if !d.isMine(name) {
			continue
		}
		info, err := d.opts.FS.Lstat(join(d.target.path(), name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // since it was listed
		}
		if err != nil {
			return 0, err
		}
		if info.Mode().IsRegular() {
			perm &= info.Mode().Perm()
		}
	}
	return perm | 0o200, nil
}
