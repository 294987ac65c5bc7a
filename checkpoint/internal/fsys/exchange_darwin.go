package fsys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

func renameNoReplace(oldname, newname string) error {
	return unix.RenamexNp(oldname, newname, unix.RENAME_EXCL) // ENOTSUP where there is none
}

func exchange(a, b string) error {
	err := unix.RenamexNp(a, b, unix.RENAME_SWAP)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EBUSY) || errors.Is(err, unix.EXDEV) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}
