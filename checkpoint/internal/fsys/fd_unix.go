//go:build unix

package fsys

import (
	"os"

	"golang.org/x/sys/unix"
)

// withFd runs fn on the descriptor of f, which cannot be closed meanwhile.
func withFd(f *os.File, fn func(fd int) error) error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	if err := conn.Control(func(fd uintptr) { result = fn(int(fd)) }); err != nil {
		return err
	}
	return result
}

// onTwoFds is withFd for two directories, each of which may be nil for the current one.
func onTwoFds(a, b *os.File, fn func(afd, bfd int) error) error {
	return withDirFd(a, func(afd int) error {
		return withDirFd(b, func(bfd int) error { return fn(afd, bfd) })
	})
}

func withDirFd(d *os.File, fn func(fd int) error) error {
	if d == nil {
		return fn(unix.AT_FDCWD)
	}
	return withFd(d, fn)
}
