package atomicio

// This file is what becomes of the old folder's other entries: they get second names in
// the new folder before it appears, and lose the first when the old one goes. At no time
// are they missing at their path.

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// carryOver gives the new folder the mode of the old one and all its entries that are not
// Mine. What vanishes meanwhile is passed over; what appears is left to retire. If another
// writer replaces the old folder meanwhile, it may be empty by the time it is listed, so
// everything is done again with what is there now.
func (d *Dir) carryOver() error {
	for range maxTries {
		old, err := d.opts.FS.OpenDir(d.target.path()) // keeps its number from being used again
		if err != nil {
			return err
		}
		err = d.carryFrom(old)
		still, e := leadsTo(d.opts.FS, d.target.path(), old)
		if e := errors.Join(e, old.Close()); e != nil {
			return e
		}
		if still {
			return err
		}
		if err := d.dropCarried(); err != nil {
			return err
		}
	}
	return fmt.Errorf("others replaced the folder %d times meanwhile", maxTries)
}

func (d *Dir) carryFrom(old fsys.File) error {
	if err := d.carryEntries(d.target.path(), d.name, d.isMine); err != nil {
		return err
	}
	like, err := old.Stat()
	if err != nil {
		return err
	}
	return setDirMode(d.lock, like)
}

// dropCarried removes all but the new files.
func (d *Dir) dropCarried() error {
	names, err := d.opts.FS.ReadDir(d.name)
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range names {
		if !d.created(name) {
			errs = append(errs, removeTree(d.opts.FS, join(d.name, name)))
		}
	}
	return errors.Join(errs...)
}

func (d *Dir) carryEntries(from, to string, mine func(string) bool) error {
	names, err := d.opts.FS.ReadDir(from)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := d.carryEntry(join(from, name), join(to, name), mine(name))
		if err != nil && !d.isGone(join(from, name)) {
			return fmt.Errorf("carry over %q: %w", name, err)
		}
	}
	return nil
}

func (d *Dir) isGone(name string) bool {
	_, err := d.opts.FS.Lstat(name)
	return errors.Is(err, fs.ErrNotExist)
}

func (d *Dir) carryEntry(from, to string, mine bool) error {
	info, err := d.opts.FS.Lstat(from)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return d.carryDir(from, to, info)
	case mine:
		return nil
	case info.Mode().IsRegular():
		return d.opts.FS.Link(from, to)
	case info.Mode()&fs.ModeSymlink != 0:
		return d.carrySymlink(from, to)
	}
	return fmt.Errorf("it is %s", kind(info.Mode()))
}

func (d *Dir) carrySymlink(from, to string) error {
	link, err := d.opts.FS.Readlink(from)
	if err != nil {
		return err
	}
	return d.opts.FS.Symlink(link, to)
}

// carryDir makes the folder again: a directory cannot have two names.
func (d *Dir) carryDir(from, to string, like fs.FileInfo) error {
	const owner = 0o700 // to fill it
	if err := d.opts.FS.Mkdir(to, like.Mode().Perm()|owner); err != nil {
		return err
	}
	if err := d.carryEntries(from, to, notMine); err != nil {
		return err
	}
	if err := setModeByName(d.opts.FS, to, like); err != nil {
		return err
	}
	return d.sync(to)
}

func notMine(string) bool { return false }

func setModeByName(fsx fsys.FS, name string, like fs.FileInfo) error {
	h, err := fsx.OpenDir(name)
	if err != nil {
		return err
	}
	return errors.Join(setDirMode(h, like), h.Close())
}

// retire removes a folder that the target has replaced: what was Mine, and what the target
// has. What appeared in it after it was carried over is moved to the target. What can be
// neither moved nor is known to be in the target stays, and the folder with it.
func (d *Dir) retire(old string) { d.retireEntries(old, d.target.path(), d.isMine) }

func (d *Dir) retireEntries(old, now string, mine func(string) bool) {
	names, err := d.opts.FS.ReadDir(old)
	if err != nil {
		return
	}
	moved := false
	for _, name := range names {
		if d.retireEntry(join(old, name), join(now, name), mine(name)) {
			moved = true
		}
	}
	// The names must be durable in the target before the folder that had them goes.
	if !moved || d.sync(now) == nil {
		_ = d.opts.FS.Remove(old) // fails, as it should, if anything stays
	}
}

// retireEntry reports whether it moved the entry. Failures are passed over: what is left
// harms nothing, and the next writer tries again.
func (d *Dir) retireEntry(old, now string, mine bool) (moved bool) {
	own, err := d.opts.FS.Lstat(old)
	if err != nil {
		return false
	}
	if mine && !own.IsDir() {
		_ = d.opts.FS.Remove(old)
		return false
	}
	there, err := d.opts.FS.Lstat(now)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return d.opts.FS.RenameNew(old, now) == nil
	case err != nil:
	case own.IsDir() && there.IsDir():
		d.retireEntries(old, now, notMine)
	case d.opts.FS.SameFile(own, there) || d.sameLink(old, now, own, there):
		_ = d.opts.FS.Remove(old)
	}
	return false
}

// sameLink reports whether both are symbolic links to one place.
func (d *Dir) sameLink(old, now string, own, there fs.FileInfo) bool {
	if own.Mode()&there.Mode()&fs.ModeSymlink == 0 {
		return false
	}
	a, err := d.opts.FS.Readlink(old)
	if err != nil {
		return false
	}
	b, err := d.opts.FS.Readlink(now)
	return err == nil && a == b
}
