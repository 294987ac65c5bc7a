//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package fsys

// flock belongs to the open file, not to the process, so two handles in one
// process exclude each other too, and the kernel drops it when the process dies.
// (The lock of fcntl would go as soon as any handle on the file is closed.)

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

func lockFile(f *os.File, exclusive bool) (bool, error) {
	how := unix.LOCK_SH
	if exclusive {
		how = unix.LOCK_EX
	}
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = withFd(f, func(fd int) error { return unix.Flock(fd, how|unix.LOCK_NB) })
	}
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, unix.EWOULDBLOCK):
		return false, nil
	case errors.Is(err, unix.ENOLCK), errors.Is(err, unix.EBADF):
		// A network file system whose lock service does not answer, or that does not
		// lock what is open for reading only, as directories are (what is open for
		// writing only, for a shared lock).
		return false, fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return false, err
}
