package faulty

// This file is the calls of fsys.FS on files. Each says what it does; call in process.go
// says whether it happens.

import (
	"io/fs"
	"maps"
	"os"
	"slices"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// OpenFile takes O_CREATE, O_EXCL and O_TRUNC beside the three ways of access. There
// is no umask.
func (v *view) OpenFile(name string, flag int, perm fs.FileMode) (fsys.File, error) {
	var h *handle
	err := v.call("open", name, func() (err error) {
		h, err = v.open(name, flag, perm)
		return err
	}, nil)
	if err != nil {
		v.drop(h)
		return nil, err
	}
	return h, nil
}

// drop forgets a handle whose OpenFile returned an error all the same.
func (v *view) drop(h *handle) {
	if h == nil {
		return
	}
	v.proc.disk.mu.Lock()
	defer v.proc.disk.mu.Unlock()
	h.release()
}

func (v *view) open(name string, flag int, perm fs.FileMode) (*handle, error) {
	const access = os.O_RDONLY | os.O_WRONLY | os.O_RDWR
	if flag&^(access|os.O_CREATE|os.O_EXCL|os.O_TRUNC) != 0 {
		return nil, syscall.EINVAL
	}
	at, err := v.to(name, flag&os.O_EXCL == 0)
	switch {
	case err != nil:
		return nil, err
	case at.node == nil && flag&os.O_CREATE == 0:
		return nil, syscall.ENOENT
	case v.proc.disk.readOnly && (at.node == nil || flag&(access|os.O_TRUNC) != os.O_RDONLY):
		return nil, syscall.EROFS
	case at.node == nil:
		at.node = newFile(perm)
		v.proc.disk.set(at.dir, at.base, at.node)
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
		proc: v.proc, name: v.full(name), node: at.node,
		reads: flag&access != os.O_WRONLY, writes: flag&access != os.O_RDONLY,
	}
	v.proc.disk.open[h] = struct{}{}
	return h, nil
}

// Lstat implements fsys.FS.
func (v *view) Lstat(name string) (fs.FileInfo, error) {
	var out fs.FileInfo
	err := v.call("lstat", name, func() error {
		at, err := v.to(name, false)
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
func (v *view) Readlink(name string) (target string, err error) {
	err = v.call("readlink", name, func() error {
		at, err := v.to(name, false)
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
func (v *view) SameFile(a, b fs.FileInfo) bool { return a.Sys() == b.Sys() }

// Remove implements fsys.FS.
func (v *view) Remove(name string) error {
	return v.call("remove", name, func() error {
		at, err := v.to(name, false)
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
		at.node.removed = at.node.isDir()
		v.proc.disk.set(at.dir, at.base, nil)
		return nil
	}, nil)
}

// ReadDir implements fsys.FS.
func (v *view) ReadDir(name string) (names []string, err error) {
	err = v.onDir("readdir", name, func(dir *inode) {
		names = slices.Sorted(maps.Keys(dir.entries))
	})
	return names, err
}

// SyncDir implements fsys.FS.
func (v *view) SyncDir(name string) error {
	return v.onDir("syncdir", name, v.proc.disk.syncDir)
}

func (v *view) onDir(op, name string, effect func(dir *inode)) error {
	return v.call(op, name, func() error {
		at, err := v.find(name)
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
