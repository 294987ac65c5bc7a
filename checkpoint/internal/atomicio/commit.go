package atomicio

// This file is the commit: everything that can fail is done under the temporary name,
// then one rename, then its confirmation.

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrUnconfirmed says that the new file is in place, whole, but that making it durable
// failed: it may or may not survive a power cut. The old file is gone. Save again, and
// do not delete older copies on the strength of this one.
var ErrUnconfirmed = errors.New("the new file is in place but may not survive a power cut")

// Commit makes the file durable and puts it at its final name, replacing what was there
// in one step. When it returns nil, the file survives a power cut (without NoSync). On
// an error that is not ErrUnconfirmed the target is as it was before. A file of a Dir is
// made durable and closed, and appears with its folder.
func (f *File) Commit() error {
	if f.done {
		return fmt.Errorf("commit %q: %w", f.path, fs.ErrClosed)
	}
	f.done = true
	if f.folder != nil {
		return f.join()
	}
	if err := f.replace(); err != nil {
		return fmt.Errorf("commit %q: %w", f.path, also(err, f.discard()))
	}
	if err := f.confirm(); err != nil {
		return fmt.Errorf("commit %q: %w: %w", f.path, ErrUnconfirmed, err)
	}
	return nil
}

func (f *File) replace() error {
	if err := f.finish(); err != nil {
		return err
	}
	// Commit point: above, the target is the old file; below, it is the new one.
	err := f.opts.FS.Rename(f.temp.name, f.target.path())
	if err != nil && f.arrived() {
		return nil
	}
	return err
}

// finish makes the temporary all that the target is to be. Its data handle is closed
// here, before the rename, because a network file system may say only then that a write
// failed. The lock stays, on a handle of its own: were it free before the rename, another
// writer could take the file for a dead one's.
func (f *File) finish() error {
	if f.err != nil {
		return fmt.Errorf("after %w", f.err)
	}
	if err := f.endDirect(); err != nil {
		return err
	}
	if f.opts.Size != 0 && f.end != f.opts.Size {
		return fmt.Errorf("%d bytes were written, %d were announced", f.end, f.opts.Size)
	}
	if err := f.copyMode(); err != nil {
		return err
	}
	if !f.opts.NoSync {
		if err := f.temp.data.Sync(); err != nil {
			return err
		}
	}
	return f.temp.closeData()
}

// copyMode gives the file the permission bits of the one it replaces, as they are now.
// Without one it has had the right bits from the start. Nothing is set that is so
// already: there are file systems that know no modes and refuse.
func (f *File) copyMode() error {
	old, err := f.opts.FS.Lstat(f.target.path())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if f.folder != nil && !old.Mode().IsRegular() {
		return nil // nothing like a file's mode to keep
	}
	if err := checkReplaceable(old); err != nil {
		return err
	}
	own, err := f.temp.data.Stat()
	if err != nil {
		return err
	}
	if own.Mode().Perm() == old.Mode().Perm() {
		return nil
	}
	return f.temp.data.Chmod(old.Mode().Perm())
}

// arrived reports, after a rename that returned an error, whether it happened all the
// same: over a network the answer can get lost, and the repeated request then finds no
// file to rename.
func (f *File) arrived() bool {
	there, err := f.opts.FS.Lstat(f.target.path())
	if err != nil {
		return false
	}
	own, err := f.temp.owner.Stat()
	return err == nil && f.opts.FS.SameFile(there, own)
}

// confirm makes the rename durable and lets go of the lock.
func (f *File) confirm() error {
	var err error
	if !f.opts.NoSync {
		err = f.opts.FS.SyncDir(f.target.dirPath())
	}
	return errors.Join(err, f.temp.owner.Close())
}
