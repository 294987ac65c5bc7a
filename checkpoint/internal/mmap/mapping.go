package mmap

// This file opens and closes mappings; map_*.go are the system calls.

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"sync"
)

// Mapping is the content of a file as memory. Its methods may be called from several
// goroutines.
type Mapping struct {
	mu     sync.Mutex
	bytes  []byte
	file   *os.File // kept open for Check; nil where a mapped file cannot be cut
	region region   // what the system needs to end the mapping
	cow    bool     // the bytes may differ from the file's
}

// Open maps a whole file. The bytes are read-only, and writing to them kills the program,
// unless copyOnWrite is set: then they may be written, each written page costs memory, and
// the file does not change.
//
// Only regular files are mapped; a directory, a pipe or a device is an error at once, and a
// pipe without a writer does not make Open wait. An empty file gives an empty mapping. The
// file is not locked: it may be renamed, removed or replaced and the mapping stays.
func Open(path string, copyOnWrite bool) (*Mapping, error) {
	f, size, err := openRegular(path)
	if err != nil {
		return nil, err
	}
	if size == 0 {
		return &Mapping{bytes: []byte{}}, f.Close()
	}
	m := &Mapping{cow: copyOnWrite}
	m.bytes, m.region, err = mapFile(f, int(size), copyOnWrite)
	if err == nil && canBeCut {
		m.file = f
		return m, nil
	}
	_ = f.Close() // nothing was written through it, and the mapping stays without
	if err != nil {
		return nil, fmt.Errorf("mmap: map %d bytes of %q: %w", size, path, err)
	}
	return m, nil
}

// openRegular opens a regular file and returns its size, which an int can hold. The first
// look keeps away from devices that do something when opened; the second is at the file
// that was really opened.
func openRegular(path string) (*os.File, int64, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, 0, fmt.Errorf("mmap: %w", err)
	}
	if err := checkMappable(path, info); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(path, openFlags, 0)
	if err != nil {
		return nil, 0, fmt.Errorf("mmap: %w", err)
	}
	info, err = f.Stat()
	if err == nil {
		err = checkMappable(path, info)
	}
	if err != nil {
		_ = f.Close() // nothing was written through it
		return nil, 0, err
	}
	return f, info.Size(), nil
}

func checkMappable(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("mmap: %q is not a regular file: %w (mode %v)", path, fs.ErrInvalid, info.Mode())
	}
	if info.Size() > math.MaxInt {
		return fmt.Errorf("mmap: %q has %d bytes, this system can address %d", path, info.Size(), math.MaxInt)
	}
	return nil
}

// Bytes returns the content, without copying. It must not be used after Close, which
// leaves nil here.
func (m *Mapping) Bytes() []byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.bytes
}

// Check returns an error that wraps ErrFault if the file no longer has the first end
// bytes of the mapping. Of bytes that are missing, those within its last page give no
// fault: they read as zeros. So whoever must not take them for data calls Check after
// reading.
func (m *Mapping) Check(end int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.bytes) == 0 || m.file == nil {
		return nil
	}
	size, err := sizeOf(m.file)
	if err != nil {
		return fmt.Errorf("mmap: %w", err)
	}
	if size < end {
		return fmt.Errorf("mmap: %d of %d bytes are left: %w", size, len(m.bytes), ErrFault)
	}
	return nil
}

// Close ends the mapping. Touching its bytes afterwards kills the program. Closing twice
// is harmless.
func (m *Mapping) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.bytes
	m.bytes = nil
	if len(b) == 0 {
		return nil
	}
	err := m.region.unmap(b)
	if m.file != nil {
		err = errors.Join(err, m.file.Close())
	}
	if err != nil {
		return fmt.Errorf("mmap: unmap %d bytes: %w", len(b), err)
	}
	return nil
}
