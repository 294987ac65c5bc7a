package faulty

// This file is the calls of fsys.FS on a Process. Each says what it does; call in
// process.go says whether it happens.

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

var _ fsys.FS = (*Process)(nil)

// OpenFile takes O_CREATE, O_EXCL and O_TRUNC beside the three ways of access. There
// is no umask.
func (p *Process) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	var h *handle
	err := p.call("open", name, func() (err error) {
		h, err = p.open(name, flag, perm)
		return err
	}, nil)
	if err != nil {
		p.drop(h)
		return nil, err
	}
	return h, nil
}

// drop forgets a handle whose OpenFile returned an error all the same.
func (p *Process) drop(h *handle) {
	if h == nil {
		return
	}
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	h.release()
}

func (p *Process) open(name string, flag int, perm fs.FileMode) (*handle, error) {
	const access = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
	if flag&^(access|os.O_CREATE|os.O_EXCL|os.O_TRUNC) != 0 {
		return nil, syscall.EINVAL
	}
	at, err := p.disk.walk(name, flag&os.O_EXCL == 0)
	switch {
	case err != nil:
		return nil, err
	case at.node == nil && flag&os.O_CREATE == 0:
		return nil, syscall.ENOENT
	case at.node == nil:
		at.node = newFile(perm)
		p.disk.set(at.dir, at.base, at.node)
	case flag&os.O_EXCL != 0:
		return nil, syscall.EEXIST
	case at.node.file == nil && flag != os.O_RDONLY:
		return nil, syscall.EISDIR
	case !at.node.grants(flag & access):
		return nil, syscall.EACCES
	}
	if flag&os.O_TRUNC != 0 {
		at.node.file.truncate()
	}
	h := &handle{
		proc: p, name: name, node: at.node,
		reads: flag&access != os.O_WRONLY, writes: flag&access != os.O_RDONLY,
	}
	p.disk.open[h] = struct{}{}
	return h, nil
}

// Lstat implements fsys.FS.
func (p *Process) Lstat(name string) (fs.FileInfo, error) {
	var out fs.FileInfo
	err := p.call("lstat", name, func() error {
		at, err := p.disk.walk(name, false)
		if err != nil {
			return err
		}
		if at.node == nil {
			return syscall.ENOENT
		}
		out = at.node.info(at.base)
		return nil
	}, nil)
	return out, err
}

// Readlink implements fsys.FS.
func (p *Process) Readlink(name string) (target string, err error) {
	err = p.call("readlink", name, func() error {
		at, err := p.disk.walk(name, false)
		switch {
		case err != nil:
			return err
		case at.node == nil:
			return syscall.ENOENT
		case !at.node.isLink():
			return syscall.EINVAL
		}
		target = at.node.target
		return nil
	}, nil)
	return target, err
}

// SameFile implements fsys.FS. It asks nothing of the disk and is not counted.
func (p *Process) SameFile(a, b fs.FileInfo) bool { return a.Sys() == b.Sys() }

// Remove implements fsys.FS.
func (p *Process) Remove(name string) error {
	return p.call("remove", name, func() error {
		at, err := p.disk.walk(name, false)
		switch {
		case err != nil:
			return err
		case at.dir == nil:
			return syscall.EBUSY
		case at.node == nil:
			return syscall.ENOENT
		case len(at.node.entries) > 0:
			return syscall.ENOTEMPTY
		}
		p.disk.set(at.dir, at.base, nil)
		return nil
	}, nil)
}

// ReadDir implements fsys.FS.
func (p *Process) ReadDir(name string) (names []string, err error) {
	err = p.onDir("readdir", name, func(dir *inode) {
		names = slices.Sorted(maps.Keys(dir.entries))
	})
	return names, err
}

// SyncDir implements fsys.FS.
func (p *Process) SyncDir(name string) error {
	return p.onDir("syncdir", name, p.disk.syncDir)
}

func (p *Process) onDir(op, name string, effect func(dir *inode)) error {
	return p.call(op, name, func() error {
		at, err := p.disk.find(name)
		if err != nil {
			return err
		}
		if !at.node.isDir() {
			return syscall.ENOTDIR
		}
		effect(at.node)
		return nil
	}, nil)
}
