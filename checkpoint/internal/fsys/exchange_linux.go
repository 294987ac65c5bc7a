package fsys

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// renameNoReplace and exchange are flags of renameat2. EINVAL says that the file system
// does not know the flag; that a directory would land in itself is said so, too, and is
// then found out by the call that stands in.
func renameNoReplace(oldname, newname string) error {
	return unsupported(rename2(oldname, newname, unix.RENAME_NOREPLACE), unix.EINVAL)
}

func exchange(a, b string) error {
	return unsupported(rename2(a, b, unix.RENAME_EXCHANGE), unix.EINVAL, unix.EBUSY, unix.EXDEV)
}

func rename2(oldname, newname string, flags uint) error {
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Renameat2(unix.AT_FDCWD, oldname, unix.AT_FDCWD, newname, flags)
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
