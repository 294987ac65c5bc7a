package mmap

// This file gives the file behind a mapping to those who copy from it.

import "os"

// File returns the mapped file, for reading until Close, which closes it; nil where the
// file is not kept open (Windows), the mapping is empty, or it is copy-on-write and the
// bytes may be others than the file's.
func (m *Mapping) File() *os.File {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cow || m.bytes == nil {
		return nil
	}
	return m.file
}

// CopyOnWrite reports whether the bytes may have been written to.
func (m *Mapping) CopyOnWrite() bool { return m.cow }
