//go:build unix

package fsys

import (
	"errors"

	"golang.org/x/sys/unix"
)

func syncDir(open opener, name string) error {
	d, err := open(name)
	if err != nil {
		return err
	}
	err = d.Sync()
	if errors.Is(err, unix.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		err = nil // this file system has no sync of directories, which is not a failed one
	}
	return errors.Join(err, d.Close())
}
