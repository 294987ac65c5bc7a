package fsys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func renameNoReplace(from, to place) error {
	return renamex(from, to, unix.RENAME_EXCL) // ENOTSUP where there is none
}

func exchange(a, b place) error {
	err := renamex(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

func renamex(from, to place, flags uint32) error {
	return onTwoFds(from.dir, to.dir, func(oldfd, newfd int) error {
		return unix.RenameatxNp(oldfd, from.name, newfd, to.name, flags)
	})
}
