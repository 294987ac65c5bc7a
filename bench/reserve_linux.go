package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve makes room for size bytes, without which writing is slower. Where the
// file system cannot, it is not needed either.
func reserve(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	return err
}
