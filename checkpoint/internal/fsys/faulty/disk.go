package faulty

// This file is the Disk: what outlives programs, and the calls with which a test
// sets its stage and looks at the result. None of these calls is counted or fails
// by injection.

import (
	"fmt"
	"io/fs"
	"maps"
	"math"
	"slices"
	"sync"
	"syscall"
)

// Disk is a file system in memory. Make one with NewDisk. All methods, and those of
// its Processes, may be called from several goroutines.
type Disk struct {
	mu   sync.Mutex
	root *inode
	// pending holds the changes to directories that no SyncDir has made durable,
	// oldest first.
	pending []*change
	open    map[*handle]struct{}
	// capacity is the room for file content in bytes, negative for no limit.
	capacity int64
	lacks    map[string]bool // calls that the file system does not have
	readOnly bool
}

// NewDisk returns an empty disk without a limit.
func NewDisk() *Disk {
	return &Disk{root: newDir(), open: map[*handle]struct{}{}, capacity: -1}
}

// SetCapacity limits the content of all files together to n bytes; what is there
// already stays. Directories and names cost nothing.
func (d *Disk) SetCapacity(n int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.capacity = n
}

// WriteFile makes or replaces a durable file of mode 0644.
func (d *Disk) WriteFile(name string, content []byte) {
	node := newFile(0o644)
	node.file = newContent(slices.Clone(content), nil)
	d.place(name, node)
}

// Mkdir makes a durable directory.
func (d *Disk) Mkdir(name string) { d.place(name, newDir()) }

// Symlink makes a durable symbolic link at name.
func (d *Disk) Symlink(target, name string) {
	d.place(name, &inode{mode: fs.ModeSymlink | 0o777, target: target})
}

// Chmod sets the permission bits of a file, durably.
func (d *Disk) Chmod(name string, mode fs.FileMode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	node := must(d.find(name)).node
	node.mode = node.mode.Type() | mode.Perm()
	node.diskMode = node.mode
}

// Damage changes what a file holds, now and on the medium: bits that rot, a tail that is
// gone. fn gets a copy of its own.
func (d *Disk) Damage(name string, fn func(content []byte) []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	must(d.find(name)).node.file.damage(fn)
}

// place puts node at name, now and on the disk. A test that sets an impossible
// stage is a mistake in the test, so it panics.
func (d *Disk) place(name string, node *inode) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := must(d.walk(name, false))
	if at.dir == nil {
		panic(fmt.Sprintf("faulty: cannot make %q", name))
	}
	node.diskMode = node.mode
	at.dir.entries[at.base] = node
	at.dir.durable[at.base] = node
}

// ReadFile returns the content of a file as programs see it.
func (d *Disk) ReadFile(name string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, err := d.find(name)
	if err == nil && at.node.file == nil {
		err = syscall.EISDIR
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return slices.Clone(at.node.file.data), nil
}

// Mode returns type and permission bits of name, not following a link.
func (d *Disk) Mode(name string) (fs.FileMode, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	at, err := d.walk(name, false)
	if err == nil && at.node == nil {
		err = syscall.ENOENT
	}
	if err != nil {
		return 0, &fs.PathError{Op: "stat", Path: name, Err: err}
	}
	return at.node.mode, nil
}

// Names returns the names in a directory, sorted. It panics if name is none.
func (d *Disk) Names(name string) []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(must(d.find(name)).node.entries))
}

// OpenHandles returns how many files programs hold open.
func (d *Disk) OpenHandles() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.open)
}

// room returns how many bytes are free.
func (d *Disk) room() int64 {
	if d.capacity < 0 {
		return math.MaxInt64
	}
	return max(0, d.capacity-d.used())
}

// used counts the content of every file that has a name or is open, once.
func (d *Disk) used() int64 {
	seen := map[*inode]bool{}
	var sum int64
	var visit func(*inode)
	visit = func(n *inode) {
		if seen[n] {
			return
		}
		seen[n] = true
		if n.file != nil {
			sum += n.file.allocated()
		}
		for _, child := range n.entries {
			visit(child)
		}
	}
	visit(d.root)
	for h := range d.open {
		visit(h.node)
	}
	return sum
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(fmt.Sprintf("faulty: %v", err))
	}
	return v
}
