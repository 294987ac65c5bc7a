package fsys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve asks for all of size or nothing. It leaves the file's length alone.
func reserve(f *os.File, size int64) error {
	ask := unix.Fstore_t{
		Flags:   unix.F_ALLOCATEALL,
		Posmode: unix.F_PEOFPOSMODE, // Length counts from the end of what the file has
		Length:  size,
	}
	err := withFd(f, func(fd int) error {
		return unix.FcntlFstore(uintptr(fd), unix.F_PREALLOCATE, &ask)
	})
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, unix.EINVAL) {
		return nil // the file system cannot reserve; writing will tell
	}
	return err
}
