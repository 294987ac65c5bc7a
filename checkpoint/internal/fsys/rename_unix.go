//go:build !windows

package fsys

import (
	"errors"
	"os"
	"syscall"
)

func rename(oldname, newname string) error { return os.Rename(oldname, newname) }

// renameNew asks for the one call that does it, and does without where there is none.
func renameNew(oldname, newname string) error {
	err := renameNoReplace(oldname, newname)
	if errors.Is(err, errors.ErrUnsupported) {
		return renameInSteps(oldname, newname)
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: err}
	}
	return nil
}

// renameInSteps never replaces a file: a link to a name in use is refused. A directory
// cannot have two names, but os.Rename replaces none.
func renameInSteps(oldname, newname string) error {
	info, err := os.Lstat(oldname)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return renameDir(oldname, newname)
	}
	if err := os.Link(oldname, newname); err != nil {
		return err
	}
	return os.Remove(oldname)
}

func renameDir(oldname, newname string) error {
	if _, err := os.Lstat(newname); err == nil {
		return &os.LinkError{Op: "rename", Old: oldname, New: newname, Err: syscall.EEXIST}
	}
	return os.Rename(oldname, newname) // refuses what appeared meanwhile, unless it is a link or empty
}
