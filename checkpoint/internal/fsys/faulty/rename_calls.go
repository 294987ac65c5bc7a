package faulty

// This file is the calls of fsys.FS that make names, move them and let two of them swap.

import (
	"io/fs"
	"syscall"
)

// Rename implements fsys.FS. Like package os, it replaces no directory.
func (v *view) Rename(oldname, newname string) error {
	return v.onTwo("rename", oldname, newname, func(from, to place) error {
		switch {
		case from.node == nil:
			return syscall.ENOENT
		case from.node == to.node && (oldname != newname || !to.node.isDir()):
			return nil
		case to.node != nil && to.node.isDir():
			return syscall.EEXIST
		case from.node.holds(to.dir):
			return syscall.EINVAL
		case to.node != nil && from.node.isDir():
			return syscall.ENOTDIR
		}
		v.proc.disk.move(from, to)
		return nil
	})
}

// RenameNew implements fsys.FS.
func (v *view) RenameNew(oldname, newname string) error {
	return v.onTwo("renamenew", oldname, newname, func(from, to place) error {
		switch {
		case from.node == nil:
			return syscall.ENOENT
		case to.node != nil:
			return syscall.EEXIST
		case from.node.holds(to.dir):
			return syscall.EINVAL
		}
		v.proc.disk.move(from, to)
		return nil
	})
}

// Exchange implements fsys.FS.
func (v *view) Exchange(a, b string) error {
	return v.onTwo("exchange", a, b, func(a, b place) error {
		switch {
		case a.node == nil || b.node == nil:
			return syscall.ENOENT
		case a.node.holds(b.dir) || b.node.holds(a.dir):
			return syscall.EINVAL
		case a.node != b.node:
			v.proc.disk.exchange(a, b)
		}
		return nil
	})
}

// Link implements fsys.FS. Like the system's, it looks whether oldname is there before it
// looks for newname's directory; below a Root, after.
func (v *view) Link(oldname, newname string) error {
	return v.call("link", oldname, func() error {
		from, err := v.to(oldname, false)
		if err == nil && from.node == nil && !v.confined {
			err = syscall.ENOENT
		}
		if err != nil {
			return err
		}
		to, err := v.to(newname, false)
		switch {
		case err != nil:
			return err
		case from.node == nil:
			return syscall.ENOENT
		case to.node != nil:
			return syscall.EEXIST
		case from.node.isDir():
			return syscall.EPERM
		}
		v.proc.disk.set(to.dir, to.base, from.node)
		return nil
	}, nil)
}

// Symlink implements fsys.FS.
func (v *view) Symlink(target, newname string) error {
	return v.make("symlink", newname, &inode{mode: fs.ModeSymlink | 0o777, diskMode: fs.ModeSymlink | 0o777, target: target})
}

// Mkdir implements fsys.FS. There is no umask.
func (v *view) Mkdir(name string, perm fs.FileMode) error {
	dir := newDir()
	dir.mode = fs.ModeDir | perm.Perm()
	dir.diskMode = dir.mode
	return v.make("mkdir", name, dir)
}

// make gives node a name that must be free.
func (v *view) make(op, name string, node *inode) error {
	return v.call(op, name, func() error {
		at, err := v.to(name, false)
		switch {
		case err != nil:
			return err
		case at.node != nil:
			return syscall.EEXIST
		}
		v.proc.disk.set(at.dir, at.base, node)
		return nil
	}, nil)
}

// onTwo makes a call that names two places, both of which have an entry to change.
func (v *view) onTwo(op, a, b string, effect func(a, b place) error) error {
	return v.call(op, a, func() error {
		from, err := v.to(a, false)
		if err != nil {
			return err
		}
		to, err := v.to(b, false)
		if err != nil {
			return err
		}
		if from.dir == nil || to.dir == nil {
			return syscall.EBUSY
		}
		return effect(from, to)
	}, nil)
}

// holds says whether dir is n or anywhere below it.
func (n *inode) holds(dir *inode) bool {
	if n == dir {
		return true
	}
	for _, child := range n.entries {
		if child.holds(dir) {
			return true
		}
	}
	return false
}
