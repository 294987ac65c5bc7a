package faulty

// This file is an open file: the calls of fsys.File.

import (
	"io"
	"io/fs"
	"syscall"
)

// handle is an fsys.File. Its fields are guarded by the disk's lock.
type handle struct {
	proc          *Process
	name          string // as it was opened; the file may be called otherwise by now
	node          *inode
	reads, writes bool
	direct        bool
	pos           int64 // where Write goes on, in bytes
	closed        bool
}

// call is Process.call for a handle, which must be open.
func (h *handle) call(op string, effect func() error, failing func(*Fault)) error {
	return h.proc.call(op, h.name, func() error {
		if h.closed {
			return fs.ErrClosed
		}
		return effect()
	}, failing)
}

func (h *handle) Write(p []byte) (n int, err error) {
	put := func(p []byte) (err error) {
		n, err = h.put(p, h.pos)
		h.pos += int64(n)
		return err
	}
	err = h.call("write", func() error { return put(p) }, func(*Fault) { _ = put(p[:len(p)/2]) })
	return n, err
}

func (h *handle) WriteAt(p []byte, off int64) (n int, err error) {
	if h.direct {
		return h.writeDirect(p, off)
	}
	put := func(p []byte) (err error) {
		n, err = h.put(p, off)
		return err
	}
	err = h.call("writeat", func() error { return put(p) }, func(*Fault) { _ = put(p[:len(p)/2]) })
	return n, err
}

// put writes what there is room for.
func (h *handle) put(p []byte, off int64) (int, error) {
	if h.closed || !h.writes {
		return 0, syscall.EBADF
	}
	if off < 0 {
		return 0, syscall.EINVAL
	}
	fits := int64(len(p))
	if lack := h.node.file.growth(off+fits) - h.proc.disk.room(); lack > 0 {
		fits = max(0, fits-lack)
	}
	h.node.file.writeAt(p[:fits], off)
	if fits < int64(len(p)) {
		return int(fits), syscall.ENOSPC
	}
	return len(p), nil
}

func (h *handle) ReadAt(p []byte, off int64) (n int, err error) {
	var end bool
	err = h.call("readat", func() error {
		if h.node.isDir() {
			return syscall.EISDIR
		}
		switch data := h.node.file.data; {
		case !h.reads:
			return syscall.EBADF
		case off < 0 || h.direct && !aligned(p, off):
			return syscall.EINVAL
		case off < int64(len(data)):
			n = copy(p, data[off:])
		}
		end = n < len(p)
		return nil
	}, func(f *Fault) { f.flip(p[:n]) })
	if err == nil && end {
		err = io.EOF // bare, as io.ReaderAt has it
	}
	return n, err
}

func (h *handle) Stat() (out fs.FileInfo, err error) {
	err = h.call("stat", func() error {
		out = h.node.info(h.name)
		return nil
	}, nil)
	return out, err
}

// settable is the bits that Chmod sets.
const settable = fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky

func (h *handle) Chmod(mode fs.FileMode) error {
	return h.call("chmod", func() error {
		h.node.mode = h.node.mode.Type() | mode&settable
		return nil
	}, nil)
}

func (h *handle) Sync() error {
	if h.node.isDir() {
		return h.call("sync", func() error { h.proc.disk.syncDir(h.node); return nil }, nil)
	}
	return h.call("sync", func() error {
		h.node.file.sync()
		h.node.diskMode = h.node.mode
		return nil
	}, func(*Fault) { h.node.file.failSync() })
}

func (h *handle) Reserve(size int64) error {
	return h.call("reserve", func() error {
		file := h.node.file
		if !h.writes {
			return syscall.EBADF
		}
		if size < 0 {
			return syscall.EINVAL
		}
		if file.growth(size) > h.proc.disk.room() {
			return syscall.ENOSPC
		}
		file.reserved = max(file.reserved, size)
		return nil
	}, nil)
}

func (h *handle) Truncate(size int64) error {
	return h.call("truncate", func() error {
		if !h.writes || size < 0 {
			return syscall.EINVAL
		}
		h.node.file.setSize(size)
		return nil
	}, nil)
}

func (h *handle) Close() error {
	return h.call("close", func() error {
		h.release()
		return nil
	}, func(*Fault) { h.release() })
}

// release closes h without a call.
func (h *handle) release() {
	h.closed = true
	delete(h.proc.disk.open, h)
	delete(h.node.locks, h)
}
