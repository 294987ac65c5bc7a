package fsys

// This file is what renames have in common on all systems: how a name is given to them, and
// what stands in for the one that replaces nothing.

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// place is a name and the directory that it counts from, nil for the current one.
type place struct {
	dir  *os.File
	name string
}

// orInSteps does without renameNoReplace if err says that there is none.
func orInSteps(fsx FS, err error, oldname, newname string) error {
	if errors.Is(err, errors.ErrUnsupported) {
		return renameInSteps(fsx, oldname, newname)
	}
	return linkFailed("rename", oldname, newname, err)
}

// renameInSteps never replaces a file: a link to a name in use is refused. A directory
// cannot have two names, but Rename replaces none.
func renameInSteps(fsx FS, oldname, newname string) error {
	info, err := fsx.Lstat(oldname)
	if err != nil {
		return err
	}
	if info.IsDir() {
		return renameDir(fsx, oldname, newname)
	}
	if err := fsx.Link(oldname, newname); err != nil {
		return err
	}
	return fsx.Remove(oldname)
}

func renameDir(fsx FS, oldname, newname string) error {
	if _, err := fsx.Lstat(newname); err == nil {
		return linkFailed("rename", oldname, newname, syscall.EEXIST)
	}
	return fsx.Rename(oldname, newname) // refuses what appeared meanwhile, unless it is a link or empty
}

// linkFailed says which names err is about. Nil stays nil.
func linkFailed(op, a, b string, err error) error {
	if err == nil {
		return nil
	}
	if named, ok := errors.AsType[*fs.PathError](err); ok {
		err = named.Err
	}
	return &os.LinkError{Op: op, Old: a, New: b, Err: err}
}
