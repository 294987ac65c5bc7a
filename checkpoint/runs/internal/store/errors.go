package store

// This file is the ways in which a run's directory can disappoint.

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"
)

var (
	// ErrLocked says that another writer has the run.
	ErrLocked = errors.New("another writer has the run")
	// ErrNoLocks says that the file system knows no locks, so that a second writer could not
	// be kept out.
	ErrNoLocks = errors.New("the file system knows no locks")
	// ErrFenced says that this writer has lost the run to another one, or the run's directory was moved or
	// made anew. Nothing that it does from then on changes the run.
	ErrFenced = errors.New("this writer has lost the run")
	// ErrDamaged is the kind of every *DamageError.
	ErrDamaged = errors.New("the checkpoint is damaged")
	// ErrNewerFormat says that a newer version of this library wrote the checkpoint.
	ErrNewerFormat = errors.New("written in a newer format")
	// ErrForeign says that the checkpoint is one of another run.
	ErrForeign = errors.New("the checkpoint belongs to another run")
	// ErrNotFound says that there is no such checkpoint.
	ErrNotFound = errors.New("no such checkpoint")
	// ErrInUse says that somebody reads the checkpoint, which was therefore not deleted.
	ErrInUse = errors.New("the checkpoint is being read")
	// ErrPinned says that the checkpoint is pinned, or holds a file that is not ours, and was
	// therefore not deleted.
	ErrPinned = errors.New("the checkpoint is pinned")
	// ErrUnconfirmed says that the checkpoint is there, whole, and may or may not survive a power cut; or that
	// the file system lets nobody look whether it is there.
	ErrUnconfirmed = errors.New("the checkpoint is in place but may not survive a power cut")
	// ErrStep says that a step was to be saved that does not come after the newest one.
	ErrStep = errors.New("the step does not come after the newest one")
	// ErrName says that a name cannot be the name of a file on every system.
	ErrName = errors.New("not the name of a file")
	// ErrReadOnly says that the run was opened for reading.
	ErrReadOnly = errors.New("the run is open for reading only")
	// ErrNoSpace is the kind of every *SpaceError.
	ErrNoSpace = errors.New("no space left")
)

// LockedError says who has the run.
type LockedError struct {
	Path   string
	Holder Holder // zero where it could not be read
}

func (e *LockedError) Error() string {
	if e.Holder.PID == 0 {
		return fmt.Sprintf("%s: %v", e.Path, ErrLocked)
	}
	return fmt.Sprintf("%s: %v: process %d on %s, since %s", e.Path, ErrLocked, e.Holder.PID, e.Holder.Host, e.Holder.Since.Format(time.RFC3339))
}

func (e *LockedError) Unwrap() error { return ErrLocked }

// DamageError says what about a checkpoint is not as its manifest says.
type DamageError struct {
	ID         ID
	File       string // "" for the directory as a whole
	Tensor     string // "" where the bytes are in none, or in several
	Begin, End int64  // of the damaged bytes in the file, as far as known
	Detail     string
}

func (e *DamageError) Error() string {
	where := e.ID.String()
	if e.File != "" {
		where += "/" + e.File
	}
	if e.Tensor != "" {
		where += fmt.Sprintf(", tensor %q", e.Tensor)
	}
	if e.End > e.Begin {
		where += fmt.Sprintf(", bytes [%d:%d)", e.Begin, e.End)
	}
	return fmt.Sprintf("%s: %s", where, e.Detail)
}

// Unwrap returns ErrDamaged.
func (e *DamageError) Unwrap() error { return ErrDamaged }

// SpaceError says how much room a checkpoint needs.
type SpaceError struct {
	Need, Free int64 // bytes; Free is -1 where it is not known
	Err        error // the system's
}

func (e *SpaceError) Error() string {
	if e.Free < 0 {
		return fmt.Sprintf("%v: the checkpoint needs %d bytes: %v", ErrNoSpace, e.Need, e.Err)
	}
	hint := ""
	if e.Free > e.Need {
		hint = ", so it is a quota, or there can be no more files (see df -i)"
	}
	return fmt.Sprintf("%v: the checkpoint needs %d bytes, %d are free%s: %v", ErrNoSpace, e.Need, e.Free, hint, e.Err)
}

// Unwrap returns ErrNoSpace and the system's error.
func (e *SpaceError) Unwrap() []error { return []error{ErrNoSpace, e.Err} }

// isFull reports whether the disk, or what the user may have of it, is full.
func isFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }
