package oplog

// This file records the calls on a file system and on directories opened as roots.

import (
	"io/fs"
	"os"
	"slices"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Recorder is a file system that writes down what is done to it. All calls in the log are
// made one at a time, so that their order is the one in which they took effect. Make one
// with Record.
type Recorder struct{ view }

// Record returns a Recorder of calls to fsx, a Root or a whole file system.
func Record(fsx fsys.FS) *Recorder { return &Recorder{view{FS: fsx, log: &oplog{}}} }

// Log returns the calls made so far, in order. The bytes in it must not be written to.
func (r *Recorder) Log() []Op {
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return slices.Clone(r.log.ops)
}

type oplog struct {
	mu     sync.Mutex
	ops    []Op
	opened int // the last number given out, to a file or a root
}

// record makes one call and enters it. call may add to the entry.
func (l *oplog) record(op Op, call func(op *Op) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	op.Err = call(&op)
	l.ops = append(l.ops, op)
	return op.Err
}

// number gives out a number, with the lock held.
func (l *oplog) number() int {
	l.opened++
	return l.opened
}

// view is a file system whose calls are recorded. What only looks goes past.
type view struct {
	fsys.FS
	log  *oplog
	root int    // its number, 0 for the whole
	base string // the name under which it was opened
}

var (
	_ fsys.FS   = (*Recorder)(nil)
	_ fsys.Root = (*root)(nil)
)

func (v *view) record(op Op, call func(op *Op) error) error {
	op.Root, op.base = v.root, v.base
	return v.log.record(op, call)
}

func (v *view) OpenFile(name string, flag int, perm fs.FileMode) (f fsys.File, err error) {
	return v.open(Op{Call: "open", Name: name, Flag: flag, Mode: perm}, func() (fsys.File, error) {
		return v.FS.OpenFile(name, flag, perm)
	})
}

func (v *view) OpenDir(name string) (fsys.File, error) {
	return v.open(Op{Call: "opendir", Name: name}, func() (fsys.File, error) { return v.FS.OpenDir(name) })
}

func (v *view) OpenDirect(name string, flag int) (f fsys.File, align int, err error) {
	if flag == os.O_RDONLY {
		return v.FS.OpenDirect(name, flag) // which only looks
	}
	f, err = v.open(Op{Call: "opendirect", Name: name}, func() (f fsys.File, err error) {
		f, align, err = v.FS.OpenDirect(name, flag)
		return f, err
	})
	return f, align, err
}

func (v *view) open(op Op, call func() (fsys.File, error)) (fsys.File, error) {
	out := &file{log: v.log, name: below(v.base, op.Name), direct: op.Call == "opendirect"}
	err := v.record(op, func(op *Op) (err error) {
		if out.File, err = call(); err == nil {
			op.New = v.log.number()
			out.number = op.New
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (v *view) OpenRoot(name string) (fsys.Root, error) {
	out := &root{view: view{log: v.log, base: below(v.base, name)}}
	err := v.record(Op{Call: "openroot", Name: name}, func(op *Op) (err error) {
		if out.dir, err = v.FS.OpenRoot(name); err == nil {
			op.New = v.log.number()
			out.FS, out.root = out.dir, op.New
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (v *view) Rename(oldname, newname string) error {
	return v.record(Op{Call: "rename", Name: oldname, To: newname}, func(*Op) error {
		return v.FS.Rename(oldname, newname)
	})
}

func (v *view) RenameNew(oldname, newname string) error {
	return v.record(Op{Call: "renamenew", Name: oldname, To: newname}, func(*Op) error {
		return v.FS.RenameNew(oldname, newname)
	})
}

func (v *view) Exchange(a, b string) error {
	return v.record(Op{Call: "exchange", Name: a, To: b}, func(*Op) error { return v.FS.Exchange(a, b) })
}

func (v *view) Link(oldname, newname string) error {
	return v.record(Op{Call: "link", Name: oldname, To: newname}, func(*Op) error {
		return v.FS.Link(oldname, newname)
	})
}

func (v *view) Symlink(target, newname string) error {
	return v.record(Op{Call: "symlink", Name: newname, To: target}, func(*Op) error {
		return v.FS.Symlink(target, newname)
	})
}

func (v *view) Mkdir(name string, perm fs.FileMode) error {
	return v.record(Op{Call: "mkdir", Name: name, Mode: perm}, func(*Op) error { return v.FS.Mkdir(name, perm) })
}

func (v *view) Remove(name string) error {
	return v.record(Op{Call: "remove", Name: name}, func(*Op) error { return v.FS.Remove(name) })
}

func (v *view) SyncDir(name string) error {
	return v.record(Op{Call: "syncdir", Name: name}, func(*Op) error { return v.FS.SyncDir(name) })
}

// root is a view that can be closed.
type root struct {
	view
	dir fsys.Root
}

func (r *root) Stat() (fs.FileInfo, error) { return r.dir.Stat() }

func (r *root) Close() error {
	return r.record(Op{Call: "close", Name: "."}, func(*Op) error { return r.dir.Close() })
}
