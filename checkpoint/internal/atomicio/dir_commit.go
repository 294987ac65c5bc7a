package atomicio

// This file is the commit of a folder: everything that can fail is done beside the target,
// then one step, then its confirmation, and only then is anything of the old folder
// removed.

import (
	"errors"
	"fmt"
	"io/fs"
)

// ErrExists says that the folder holds files that would be replaced, and that this system
// or file system cannot replace a folder in one step. Nothing was changed. Save into a new
// folder. It wraps fs.ErrExist.
var ErrExists = fmt.Errorf("files would be replaced, and this file system cannot replace a folder in one step: %w", fs.ErrExist)

// Commit puts the folder at its final name. Who opens files there by path gets the old
// ones or the new ones, by one rename; who has files of the old folder open keeps them.
// Entries that are not Mine are in both: files by a hard link, symbolic links made again,
// folders made again and filled in the same way. When Commit returns nil, the new folder
// survives a power cut (without NoSync). On an error that is not ErrUnconfirmed the target
// is as it was before.
//
// Where folders cannot be exchanged (Windows, other systems than Linux and macOS, some
// network file systems), or a file cannot have a second name, and the old folder holds
// anything to be replaced, the error is ErrExists. Where it holds nothing of it, the files
// are moved into it one by one, in the order in which they were created: create the one
// last that tells readers that all are there. A power cut may then leave some without the
// last.
func (d *Dir) Commit() error {
	if d.done {
		return fmt.Errorf("commit folder %q: %w", d.path, fs.ErrClosed)
	}
	d.done = true
	in, clean, err := d.replace()
	if err != nil {
		return fmt.Errorf("commit folder %q: %w", d.path, also(err, d.discard()))
	}
	if err := d.sync(in); err != nil {
		return fmt.Errorf("commit folder %q: %w: %w", d.path, ErrUnconfirmed, errors.Join(err, d.unlock()))
	}
	clean()
	_ = d.unlock() // nothing was written through the handle
	return nil
}

// replace makes the new files appear. in is the directory to sync then, clean removes
// what is not needed afterwards.
func (d *Dir) replace() (in string, clean func(), err error) {
	if err := d.complete(); err != nil {
		return "", nil, err
	}
	in = d.target.dirPath()
	err = d.appear()
	if err == nil {
		return in, func() {}, nil
	}
	if errors.Is(err, fs.ErrExist) {
		err = d.exchange()
	}
	if err == nil {
		return in, func() { d.retire(d.name) }, nil
	}
	if errors.Is(err, errors.ErrUnsupported) {
		err = d.moveIn(err)
	}
	return d.target.path(), func() { d.removeUnfinished(d.name) }, err
}

// complete checks that all files were committed.
func (d *Dir) complete() error {
	for _, f := range d.files {
		if !f.joined {
			return fmt.Errorf("file %q was not committed", f.target.base)
		}
	}
	return nil
}

// appear puts the folder where nothing is.
func (d *Dir) appear() error {
	switch _, err := d.opts.FS.Lstat(d.target.path()); {
	case err == nil:
		return fs.ErrExist
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := d.sync(d.name); err != nil {
		return err
	}
	return d.orArrived(d.opts.FS.RenameNew(d.name, d.target.path()), d.target.path())
}

// exchange puts the folder where another one is, which gets its name. That name says from
// before the exchange on that it is of an old folder: one that a dead writer left may hold
// files that appeared in it at the last moment, so it may not be removed like one that was
// never finished.
func (d *Dir) exchange() error {
	if err := d.carryOver(); err != nil {
		return err
	}
	if err := d.sync(d.name); err != nil {
		return err
	}
	retired := retiredName(d.name)
	if err := d.orArrived(d.opts.FS.Rename(d.name, retired), retired); err != nil {
		return err
	}
	d.name = retired
	if err := d.sync(d.target.dirPath()); err != nil {
		return err
	}
	// Commit point: above, the target is the old folder; below, it is the new one.
	return d.orArrived(d.opts.FS.Exchange(d.name, d.target.path()), d.target.path())
}

// orArrived passes over the error of a rename that happened all the same: over a network
// the answer can get lost.
func (d *Dir) orArrived(err error, name string) error {
	if err == nil || d.lock == nil {
		return err
	}
	if arrived, e := leadsTo(d.opts.FS, name, d.lock); e != nil || !arrived {
		return err
	}
	return nil
}

// sync makes the entries of a directory durable, if that is wanted.
func (d *Dir) sync(name string) error {
	if d.opts.NoSync {
		return nil
	}
	return d.opts.FS.SyncDir(name)
}
