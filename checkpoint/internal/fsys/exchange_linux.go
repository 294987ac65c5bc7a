package fsys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// renameNoReplace and exchange are flags of renameat2. EINVAL says that the file system
// does not know the flag; that a directory would land in itself is said so, too, and is
// then found out by the call that stands in.
func renameNoReplace(from, to place) error {
	return unsupported(rename2(from, to, unix.RENAME_NOREPLACE), unix.EINVAL)
}

func exchange(a, b place) error {
	return unsupported(rename2(a, b, unix.RENAME_EXCHANGE), unix.EINVAL, unix.EBUSY, unix.EXDEV)
}

func rename2(from, to place, flags uint) error {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = onTwoFds(from.dir, to.dir, func(oldfd, newfd int) error {
			return unix.Renameat2(oldfd, from.name, newfd, to.name, flags)
		})
	}
	return err
}

// unsupported marks err as errors.ErrUnsupported if it is one of those.
func unsupported(err error, those ...error) error {
	for _, e := range those {
		if errors.Is(err, e) {
			return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
		}
	}
	return err
}
