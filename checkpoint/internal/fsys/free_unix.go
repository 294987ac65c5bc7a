//go:build darwin || linux

package fsys

import (
	"errors"
	"math"
	"math/bits"
	"os"

	"golang.org/x/sys/unix"
)

// free is what is left but for the blocks that only root may take.
func free(f *os.File) (uint64, error) {
	var stat unix.Statfs_t
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = withFd(f, func(fd int) error { return unix.Fstatfs(fd, &stat) })
	}
	if err != nil {
		return 0, err
	}
	over, n := bits.Mul64(stat.Bavail, blockSize(&stat))
	if over != 0 {
		return math.MaxUint64, nil
	}
	return n, nil
}
