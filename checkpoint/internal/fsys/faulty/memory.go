package faulty

// This file is what a program and the system hold of a file in memory.

import (
	"io/fs"
	"slices"
	"syscall"
)

// Map implements fsys.File. The memory is a copy of what the file holds now, so what is
// written later does not show, and unmap, which is no call of its own, does nothing.
func (h *handle) Map() (data []byte, unmap func() error, err error) {
	err = h.call("map", func() error {
		switch {
		case h.node.file == nil:
			return fs.ErrInvalid
		case len(h.node.file.data) == 0: // there is nothing to map
			return nil
		case !h.reads:
			return syscall.EACCES
		}
		data = slices.Clone(h.node.file.data)
		return nil
	}, func(f *Fault) { f.flip(data) })
	if err != nil {
		return nil, nil, err
	}
	return data, func() error { return nil }, nil
}

// Evict implements fsys.File. Reads come from the one copy that there is, before and after.
func (h *handle) Evict() error {
	return h.call("evict", func() error { return nil }, nil)
}
