package mmap

// This file maps a file that is open already.

import (
	"fmt"
	"os"
)

// Map maps the whole of f, a regular file open for reading, until unmap, which is called
// once. f may be closed before. An empty file gives nil. What doc.go says of touching a
// file that was cut short holds here, too: Guard turns the fault into an error.
func Map(f *os.File) (b []byte, unmap func() error, err error) {
	info, err := f.Stat()
	if err == nil {
		err = checkMappable(f.Name(), info)
	}
	if err != nil {
		return nil, nil, err
	}
	if info.Size() == 0 {
		return nil, func() error { return nil }, nil
	}
	b, region, err := mapFile(f, int(info.Size()), false)
	if err != nil {
		return nil, nil, fmt.Errorf("mmap: map %d bytes of %q: %w", info.Size(), f.Name(), err)
	}
	return b, func() error { return region.unmap(b) }, nil
}
