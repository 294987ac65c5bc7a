package fsys

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve keeps the file's length: a file that a crash leaves behind is then
// visibly short, and not one of the right length full of zeros.
func reserve(f *os.File, size int64) error {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = withFd(f, func(fd int) error {
			return unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, size)
		})
	}
	if errors.Is(err, errors.ErrUnsupported) {
		return nil // the file system cannot reserve; writing will tell
	}
	return err
}
