package faulty

// This file is the calls of fsys.FS that make names, move them and let two of them swap.

import (
	"io/fs"
	"os"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Rename implements fsys.FS. Like package os, it replaces no directory.
func (p *Process) Rename(oldname, newname string) error {
	return p.onTwo("rename", oldname, newname, func(from, to place) error {
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
		p.disk.move(from, to)
		return nil
	})
}

// RenameNew implements fsys.FS.
func (p *Process) RenameNew(oldname, newname string) error {
	return p.onTwo("renamenew", oldname, newname, func(from, to place) error {
		switch {
		case from.node == nil:
			return syscall.ENOENT
		case to.node != nil:
			return syscall.EEXIST
		case from.node.holds(to.dir):
			return syscall.EINVAL
		}
		p.disk.move(from, to)
		return nil
	})
}

// Exchange implements fsys.FS.
func (p *Process) Exchange(a, b string) error {
	return p.onTwo("exchange", a, b, func(a, b place) error {
		switch {
		case a.node == nil || b.node == nil:
			return syscall.ENOENT
		case a.node.holds(b.dir) || b.node.holds(a.dir):
			return syscall.EINVAL
		case a.node != b.node:
			p.disk.exchange(a, b)
		}
		return nil
	})
}

// Link implements fsys.FS.
func (p *Process) Link(oldname, newname string) error {
	return p.call("link", oldname, func() error {
		from, err := p.disk.walk(oldname, false)
		if err == nil && from.node == nil {
			err = syscall.ENOENT
		}
		if err != nil {
			return err
		}
		to, err := p.disk.walk(newname, false)
		switch {
		case err != nil:
			return err
		case to.node != nil:
			return syscall.EEXIST
		case from.node.isDir():
			return syscall.EPERM
		}
		p.disk.set(to.dir, to.base, from.node)
		return nil
	}, nil)
}

// Symlink implements fsys.FS.
func (p *Process) Symlink(target, newname string) error {
	return p.make("symlink", newname, &inode{mode: fs.ModeSymlink | 0o777, diskMode: fs.ModeSymlink | 0o777, target: target})
}

// Mkdir implements fsys.FS. There is no umask.
func (p *Process) Mkdir(name string, perm fs.FileMode) error {
	dir := newDir()
	dir.mode = fs.ModeDir | perm.Perm()
	dir.diskMode = dir.mode
	return p.make("mkdir", name, dir)
}

// make gives node a name that must be free.
func (p *Process) make(op, name string, node *inode) error {
	return p.call(op, name, func() error {
		at, err := p.disk.walk(name, false)
		switch {
		case err != nil:
			return err
		case at.node != nil:
			return syscall.EEXIST
		}
		p.disk.set(at.dir, at.base, node)
		return nil
	}, nil)
}

// OpenDir implements fsys.FS.
func (p *Process) OpenDir(name string) (fsys.File, error) {
	var h *handle
	err := p.call("opendir", name, func() error {
		at, err := p.disk.find(name)
		if err == nil && !at.node.isDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			h, err = p.open(name, os.O_RDONLY, 0)
		}
		return err
	}, nil)
	if err != nil {
		p.drop(h)
		return nil, err
	}
	return h, nil
}

// onTwo makes a call that names two places, both of which have an entry to change.
func (p *Process) onTwo(op, a, b string, effect func(a, b place) error) error {
	return p.call(op, a, func() error {
		from, err := p.disk.walk(a, false)
		if err != nil {
			return err
		}
		to, err := p.disk.walk(b, false)
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
