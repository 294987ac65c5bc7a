package atomicio

// This file is who owns a folder in the making, and what becomes of those whose owners
// are dead. The lock is on the folder itself, not on a file in it: it follows the folder
// to its final name, nothing of it is left there, and there is no moment without it.

import (
	"errors"
	"io/fs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// lockDir opens a folder and takes its lock. Where there are no locks, locked is false;
// where folders cannot even be opened, h is nil, too. errTaken says that somebody else has
// the lock, or that the name leads elsewhere by now.
func lockDir(fsx fsys.FS, name string) (h fsys.File, locked bool, err error) {
	h, err = fsx.OpenDir(name)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return nil, false, nil
	case errors.Is(err, fs.ErrNotExist):
		return nil, false, errTaken
	case err != nil:
		return nil, false, err
	}
	locked, err = h.TryLock()
	if errors.Is(err, errors.ErrUnsupported) {
		return h, false, nil
	}
	ours := false
	if err == nil && locked {
		ours, err = leadsTo(fsx, name, h)
	}
	if err == nil && ours {
		return h, true, nil
	}
	if err == nil {
		err = errTaken
	}
	return nil, false, errors.Join(err, h.Close())
}

// leadsTo reports whether name is of the file or folder that is open as h.
func leadsTo(fsx fsys.FS, name string, h fsys.File) (bool, error) {
	there, err := fsx.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	own, err := h.Stat()
	return err == nil && fsx.SameFile(there, own), err
}

// removeDead removes what dead writers left of the same target: unfinished folders, and
// old ones that they had replaced. Failures are passed over, as in removeDead for files.
func (d *Dir) removeDead() {
	names, err := d.opts.FS.ReadDir(d.target.dirPath())
	if err != nil {
		return
	}
	for _, name := range names {
		switch {
		case isTempOf(name, d.target.base):
			d.ifDead(name, d.removeUnfinished)
		case isRetiredOf(name, d.target.base):
			d.ifDead(name, d.removeRetired)
		}
	}
}

// ifDead calls remove for a folder whose lock it can take, which it holds meanwhile. The
// name cannot come to mean another folder: names are not used twice.
func (d *Dir) ifDead(name string, remove func(path string)) {
	path := d.target.dir + name
	info, err := d.opts.FS.Lstat(path)
	if err != nil || !info.IsDir() {
		return
	}
	h, locked, err := lockDir(d.opts.FS, path)
	if err != nil || h == nil {
		return
	}
	defer h.Close() // nothing was written through it
	if locked {
		remove(path)
	}
}

// removeUnfinished removes new files that will never be complete, and second names of old
// ones.
func (d *Dir) removeUnfinished(path string) {
	_ = removeTree(d.opts.FS, path) // see removeDead
}

// removeRetired waits for the exchange, of which nobody may have told that it is durable:
// until then, the retired folder is what a power cut brings back.
func (d *Dir) removeRetired(path string) {
	if !d.opts.NoSync {
		if err := d.opts.FS.SyncDir(d.target.dirPath()); err != nil {
			return
		}
	}
	d.retire(path)
}

// removeTree removes a folder and all that is in it, following no links. What is gone
// already is what was wanted.
func removeTree(fsx fsys.FS, name string) error {
	info, err := fsx.Lstat(name)
	if err == nil && info.IsDir() {
		err = removeEntries(fsx, name)
	}
	if err == nil {
		err = fsx.Remove(name)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func removeEntries(fsx fsys.FS, dir string) error {
	names, err := fsx.ReadDir(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, removeTree(fsx, join(dir, name)))
	}
	return errors.Join(errs...)
}
