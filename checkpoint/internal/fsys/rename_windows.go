package fsys

import (
	"errors"
	"math/rand/v2"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// patience is how long a rename waits for others to close the files it concerns.
const patience = 2 * time.Second

// rename tries again for a while when another program has one of the files open: readers,
// virus scanners and indexers do so for moments, right after a file was written.
func rename(oldname, newname string) error {
	return patiently(func() error { return os.Rename(oldname, newname) })
}

func renameIn(r *os.Root, oldname, newname string) error {
	return patiently(func() error { return r.Rename(oldname, newname) })
}

// renameNoReplace is the system's own rename, which replaces nothing unless it is told to.
func renameNoReplace(from, to place) error {
	if from.dir != nil {
		return patiently(func() error { return renameAt(from, to) })
	}
	oldname, err := windows.UTF16PtrFromString(from.name)
	if err != nil {
		return err
	}
	newname, err := windows.UTF16PtrFromString(to.name)
	if err != nil {
		return err
	}
	return patiently(func() error { return windows.MoveFileEx(oldname, newname, 0) })
}

func exchange(place, place) error { return errors.ErrUnsupported }

func patiently(fn func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := fn()
		if !inUse(err) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(rand.N(5 * time.Millisecond)) // at random, to slip between regular readers
	}
}

func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED)
}
