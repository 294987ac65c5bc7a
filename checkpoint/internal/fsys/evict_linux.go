package fsys

import (
	"os"

	"golang.org/x/sys/unix"
)

func evict(f *os.File) error {
	return withFd(f, func(fd int) error { return unix.Fadvise(fd, 0, 0, unix.FADV_DONTNEED) })
}
