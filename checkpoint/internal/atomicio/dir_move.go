package atomicio

// This file is the way for systems that cannot exchange two folders: moving the files into
// the old one, which is right only if it holds nothing that they replace.

import (
	"errors"
	"fmt"
	"io/fs"
)

// moveIn moves the files one by one, the last created when the others are durable. On an
// error those moved are removed again. why says what keeps the folders from being
// exchanged.
func (d *Dir) moveIn(why error) error {
	if err := d.nothingToReplace(); err != nil {
		return fmt.Errorf("%w (%w)", err, why)
	}
	for i, f := range d.files {
		err := d.beforeLast(i)
		if err == nil {
			err = d.moveFile(f)
		}
		if err != nil {
			return also(err, d.moveBack(d.files[:i]))
		}
	}
	return nil
}

func (d *Dir) nothingToReplace() error {
	names, err := d.opts.FS.ReadDir(d.target.path())
	if err != nil {
		return err
	}
	for _, name := range names {
		if d.isMine(name) {
			return fmt.Errorf("%q: %w", name, ErrExists)
		}
	}
	return nil
}

func (d *Dir) beforeLast(i int) error {
	if i == 0 || i < len(d.files)-1 {
		return nil
	}
	return d.sync(d.target.path())
}

// moveFile replaces nothing. If the answer of the rename is lost, the file that is there
// tells.
func (d *Dir) moveFile(f *File) (err error) {
	own := join(d.name, f.target.base)
	if f.moved, err = d.opts.FS.Lstat(own); err != nil {
		return err
	}
	if err = d.opts.FS.RenameNew(own, f.target.path()); err != nil && d.isThere(f) {
		return nil
	}
	return err
}

func (d *Dir) isThere(f *File) bool {
	there, err := d.opts.FS.Lstat(f.target.path())
	return err == nil && d.opts.FS.SameFile(there, f.moved)
}

// moveBack removes what was moved, unless somebody has replaced it.
func (d *Dir) moveBack(files []*File) error {
	var errs []error
	for _, f := range files {
		if !d.isThere(f) {
			continue
		}
		if err := d.opts.FS.Remove(f.target.path()); !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}
