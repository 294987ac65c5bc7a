package faulty

// This file is directories as file systems of their own, and how names are followed in
// them and in the whole disk.

import (
	"io/fs"
	"os"
	"path"
	"syscall"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

var (
	_ fsys.FS   = (*Process)(nil)
	_ fsys.Root = (*root)(nil)
)

// view is a part of the disk as one program sees it, and the calls of fsys.FS on it.
type view struct {
	proc *Process
	walk
	opened string  // the name of the part in traces and errors, as it was opened
	dir    *handle // keeps the part open; nil for the whole disk
}

// find is to for a path that must exist, following a link at its end.
func (v *view) find(name string) (place, error) {
	at, err := v.to(name, true)
	if err == nil && at.node == nil {
		err = syscall.ENOENT
	}
	return at, err
}

// full is the name that traces, errors and handles show.
func (v *view) full(name string) string {
	if v.dir == nil || isAbs(name) {
		return name
	}
	return path.Join(v.opened, name)
}

// call is Process.call for a name in the view, which must be open.
func (v *view) call(op, name string, effect func() error, failing func(*Fault)) error {
	return v.proc.call(op, v.full(name), func() error {
		if v.dir != nil && v.dir.closed {
			return fs.ErrClosed
		}
		return effect()
	}, failing)
}

// root is an fsys.Root.
type root struct{ view }

// OpenRoot implements fsys.FS.
func (v *view) OpenRoot(name string) (fsys.Root, error) {
	h, err := v.openDir("openroot", name)
	if err != nil {
		return nil, err
	}
	inside := walk{top: h.node, maxLinks: maxRootLinks, confined: true}
	return &root{view{proc: v.proc, walk: inside, opened: h.name, dir: h}}, nil
}

// Stat implements fsys.Root.
func (r *root) Stat() (out fs.FileInfo, err error) {
	err = r.call("rootstat", ".", func() error {
		out = r.dir.node.info(path.Base(r.opened))
		return nil
	}, nil)
	return out, err
}

// Close implements fsys.Root.
func (r *root) Close() error { return r.dir.Close() }

// Free implements fsys.FS. A disk without a limit has room for math.MaxInt64 bytes.
func (v *view) Free(name string) (n int64, err error) {
	err = v.call("free", name, func() error {
		_, err := v.find(name)
		n = v.proc.disk.room()
		return err
	}, nil)
	if err != nil {
		return 0, err
	}
	return n, nil
}

// OpenDir implements fsys.FS.
func (v *view) OpenDir(name string) (fsys.File, error) {
	h, err := v.openDir("opendir", name)
	if err != nil {
		return nil, err // not a typed nil
	}
	return h, nil
}

func (v *view) openDir(op, name string) (*handle, error) {
	var h *handle
	err := v.call(op, name, func() error {
		at, err := v.find(name)
		if err == nil && !at.node.isDir() {
			err = syscall.ENOTDIR
		}
		if err == nil {
			h, err = v.open(name, os.O_RDONLY, 0)
		}
		return err
	}, nil)
	if err != nil {
		v.drop(h)
		return nil, err
	}
	return h, nil
}
