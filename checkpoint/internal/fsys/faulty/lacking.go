package faulty

// This file is file systems that cannot do everything.

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
)

// harmless are the calls that fsys has do nothing where they do not exist.
var harmless = []string{"reserve", "evict", "syncdir"}

// changing are the calls that a read-only file system refuses, open aside.
var changing = []string{
	"mkdir", "remove", "rename", "renamenew", "exchange", "link", "symlink", "opendirect",
	"write", "writeat", "writedirect", "copyrange", "truncate", "reserve", "chmod",
}

// Lacks takes calls away from the file system, named as in traces: "lock" and "lockshared",
// "link", "exchange", "opendirect", "map" and so on. They return an error that wraps
// errors.ErrUnsupported; those which fsys has do nothing in that case ("reserve", "evict",
// "syncdir") do nothing.
func (d *Disk) Lacks(ops ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lacks == nil {
		d.lacks = map[string]bool{}
	}
	for _, op := range ops {
		d.lacks[op] = true
	}
}

// SetReadOnly has every call that would change something fail with EROFS, or ends that.
func (d *Disk) SetReadOnly(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readOnly = on
}

// able returns effect, or what the call does on a disk that cannot have it.
func (d *Disk) able(op string, effect func() error) func() error {
	switch {
	case d.lacks[op] && slices.Contains(harmless, op):
		return func() error { return nil }
	case d.lacks[op]:
		return func() error { return fmt.Errorf("%w: %s", errors.ErrUnsupported, op) }
	case d.readOnly && slices.Contains(changing, op):
		return func() error { return syscall.EROFS }
	}
	return effect
}
