package fsys

import (
	"errors"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// maxCopy is how much one call is asked to copy. More is legal and would be cut to
// about 2 GiB, which an int of 32 bits just holds.
const maxCopy = 1 << 30

// copyRange copies what it can inside the kernel, from the front, and returns how many
// bytes that were. The rest is for copyThrough. Which kernels and file systems refuse, and
// with which error, is a long list with surprises (EIO from CIFS, 0 bytes from others), so
// nothing is concluded from an error: the copy through memory then works, or fails for
// the same reason.
func copyRange(dst *os.File, off int64, src io.ReaderAt, srcOff, n int64) (done int64) {
	from, ok := src.(syscall.Conn)
	if !ok {
		return 0
	}
	conn, err := from.SyscallConn()
	if err != nil {
		return 0
	}
	// An error of Control itself says that src is closed. Reading it will say so again.
	_ = conn.Control(func(rfd uintptr) {
		_ = withFd(dst, func(wfd int) error {
			done = copyFd(wfd, off, int(rfd), srcOff, n)
			return nil
		})
	})
	return done
}

func copyFd(wfd int, off int64, rfd int, srcOff, n int64) (done int64) {
	for done < n {
		m, err := unix.CopyFileRange(rfd, &srcOff, wfd, &off, int(min(n-done, maxCopy)), 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil || m <= 0 {
			break
		}
		done += int64(m)
	}
	return done
}
