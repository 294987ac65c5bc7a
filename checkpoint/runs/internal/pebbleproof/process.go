package pebbleproof

// This file is a process: the calls of fsys.FS, made on Pebble's file system.

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A process is an fsys.FS, and an fsys.Root if it has a top.
type process struct {
	disk *disk
	fs   vfs.FS // the disk's, or what comes between; what the adapter itself wants to know it asks the disk's
	top  string // directory that relative names count from; "" for the whole disk
	*hooks
}

// hooks are what a test has to do with calls.
type hooks struct {
	before func(op, name string)      // is run before each
	lose   func(op, name string) bool // has one do nothing, and say that all is well
}

var (
	_ fsys.FS   = (*process)(nil)
	_ fsys.Root = (*process)(nil)
)

// process starts one on d. between is what comes between it and the disk, nil for nothing.
func (d *disk) process(between func(vfs.FS) vfs.FS) *process {
	p := &process{disk: d, fs: d.mem, hooks: &hooks{}}
	if between != nil {
		p.fs = between(d.mem)
	}
	return p
}

// call makes a call, with the disk locked.
func (p *process) call(op, name string, effect func(name string) error) error {
	at, err := p.at(name)
	if err != nil {
		return wrap(op, name, err)
	}
	if p.before != nil {
		p.before(op, at)
	}
	if p.lose != nil && p.lose(op, at) {
		return nil
	}
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	return wrap(op, at, effect(at))
}

// at is the path of a name. None leads out of a Root.
func (p *process) at(name string) (string, error) {
	if p.top != "" && !fs.ValidPath(path.Clean(name)) {
		return "", syscall.EXDEV
	}
	return path.Join("/", p.top, name), nil
}

func wrap(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// stat returns nil where there is nothing.
func (p *process) stat(name string) (vfs.FileInfo, error) {
	there, err := p.disk.mem.Stat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil //nolint:nilnil // nothing is an answer
	}
	return there, err
}

// parent sees that name can be made: Pebble would make one more directory, or lose what is moved.
func (p *process) parent(name string) error {
	there, err := p.disk.mem.Stat(path.Dir(name))
	if err == nil && !there.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}

func (p *process) OpenFile(name string, flag int, _ fs.FileMode) (fsys.File, error) {
	var f *file
	err := p.call("open", name, func(name string) (err error) {
		f, err = p.open(name, flag)
		return err
	})
	if err != nil {
		return nil, err // not a typed nil
	}
	return f, nil
}

func (p *process) open(name string, flag int) (*file, error) {
	there, err := p.stat(name)
	switch {
	case err != nil:
		return nil, err
	case flag&os.O_TRUNC != 0:
		return nil, errors.ErrUnsupported
	case there == nil && flag&os.O_CREATE == 0:
		return nil, syscall.ENOENT
	case there != nil && flag&os.O_EXCL != 0:
		return nil, syscall.EEXIST
	case there != nil && there.IsDir() && flag != os.O_RDONLY:
		return nil, syscall.EISDIR
	}
	var inner vfs.File
	switch {
	case there == nil:
		inner, err = p.fs.Create(name, vfs.WriteCategoryUnspecified)
	case flag == os.O_RDONLY:
		inner, err = p.fs.Open(name)
	default:
		inner, err = p.fs.OpenReadWrite(name, vfs.WriteCategoryUnspecified)
	}
	if err != nil {
		return nil, err
	}
	p.disk.open++
	return &file{proc: p, name: name, inner: inner, node: p.disk.inode(name)}, nil
}

func (p *process) OpenDirect(name string, _ int) (fsys.File, int, error) {
	return nil, 0, wrap("opendirect", name, errors.ErrUnsupported)
}

func (p *process) OpenDir(name string) (fsys.File, error) { return p.OpenFile(name, os.O_RDONLY, 0) }

// OpenRoot opens a directory by its path, which must stay its own.
func (p *process) OpenRoot(name string) (fsys.Root, error) {
	root := *p
	err := p.call("openroot", name, func(name string) error {
		root.top = name
		return p.dir(name)
	})
	if err != nil {
		return nil, err
	}
	return &root, nil
}

// dir sees that name is a directory.
func (p *process) dir(name string) error {
	there, err := p.disk.mem.Stat(name)
	if err == nil && !there.IsDir() {
		err = syscall.ENOTDIR
	}
	return err
}

// Close ends the use of a Root.
func (p *process) Close() error { return nil }

// Stat describes a Root.
func (p *process) Stat() (fs.FileInfo, error) { return p.Lstat(".") }

func (p *process) Lstat(name string) (out fs.FileInfo, err error) {
	err = p.call("lstat", name, func(name string) error {
		there, err := p.fs.Stat(name)
		if err == nil {
			out = info{there, p.disk.inode(name)}
		}
		return err
	})
	return out, err
}

// Readlink says of everything that it is no link.
func (p *process) Readlink(name string) (string, error) {
	return "", wrap("readlink", name, syscall.EINVAL)
}

func (p *process) SameFile(a, b fs.FileInfo) bool { return a.Sys() == b.Sys() }

func (p *process) Rename(oldname, newname string) error {
	return p.move("rename", oldname, newname, true)
}

func (p *process) RenameNew(oldname, newname string) error {
	return p.move("renamenew", oldname, newname, false)
}

func (p *process) move(op, oldname, newname string, replace bool) error {
	to, err := p.at(newname)
	if err != nil {
		return wrap(op, newname, err)
	}
	return p.call(op, oldname, func(from string) error {
		moved, err := p.stat(from)
		there, err2 := p.stat(to)
		switch err := errors.Join(err, err2, p.parent(to)); {
		case err != nil:
			return err
		case moved == nil:
			return syscall.ENOENT
		case there != nil && (!replace || there.IsDir() || moved.IsDir()):
			return syscall.EEXIST
		}
		if err := p.fs.Rename(from, to); err != nil {
			return err
		}
		p.disk.rename(from, to)
		if moved.IsDir() {
			p.disk.moved = append(p.disk.moved, move{from, to})
		}
		return nil
	})
}

func (p *process) Exchange(a, _ string) error {
	return wrap("exchange", a, errors.ErrUnsupported)
}

func (p *process) Symlink(_, newname string) error {
	return wrap("symlink", newname, errors.ErrUnsupported)
}

func (p *process) Link(oldname, newname string) error {
	to, err := p.at(newname)
	if err != nil {
		return wrap("link", newname, err)
	}
	return p.call("link", oldname, func(from string) error {
		if err := p.fs.Link(from, to); err != nil {
			return err
		}
		p.disk.inodes[to] = p.disk.inode(from)
		return nil
	})
}

func (p *process) Mkdir(name string, perm fs.FileMode) error {
	return p.call("mkdir", name, func(name string) error {
		switch there, err := p.stat(name); {
		case err != nil:
			return err
		case there != nil:
			return syscall.EEXIST
		}
		if err := p.parent(name); err != nil {
			return err
		}
		return p.fs.MkdirAll(name, perm)
	})
}

func (p *process) Remove(name string) error {
	return p.call("remove", name, func(name string) error {
		if _, err := p.disk.mem.Stat(name); err != nil {
			return err
		}
		if err := p.fs.Remove(name); err != nil {
			return err
		}
		delete(p.disk.inodes, name)
		return nil
	})
}

func (p *process) ReadDir(name string) (names []string, err error) {
	err = p.call("readdir", name, func(name string) error {
		names, err = p.fs.List(name)
		return err
	})
	slices.Sort(names)
	return names, err
}

func (p *process) SyncDir(name string) error {
	return p.call("syncdir", name, func(name string) error {
		if err := p.dir(name); err != nil {
			return err
		}
		if err := syncNow(p.fs.OpenDir(name)); err != nil {
			return err
		}
		p.disk.settle(name)
		return nil
	})
}

func (p *process) Free(name string) (int64, error) {
	return math.MaxInt64, p.call("free", name, p.dir)
}
