package fsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// minAlign is the least alignment used for direct writes, in bytes. Disks may ask for 512
// only, but a write of part of a file system's block is slow, and one at a time.
const minAlign = 4096

func openDirect(open openerFor, name string, flag int) (*os.File, int, error) {
	f, err := open(name, flag|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		err = &fs.PathError{Op: "open", Path: name, Err: fmt.Errorf("%w: %w", errors.ErrUnsupported, syscall.EINVAL)}
	}
	if err != nil {
		return nil, 0, err
	}
	align, err := directAlign(f)
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, align, nil
}

// directAlign asks what the file demands of direct calls. Kernels before 6.1 do not say;
// minAlign then holds almost everywhere, and where it does not the call is refused.
func directAlign(f *os.File) (int, error) {
	var stat unix.Statx_t
	err := withFd(f, func(fd int) error {
		return unix.Statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &stat)
	})
	if err != nil || stat.Mask&unix.STATX_DIOALIGN == 0 {
		return minAlign, nil //nolint:nilerr // as if the kernel were older
	}
	if stat.Dio_offset_align == 0 {
		return 0, &fs.PathError{Op: "open", Path: f.Name(), Err: errors.ErrUnsupported}
	}
	return int(max(minAlign, stat.Dio_mem_align, stat.Dio_offset_align)), nil
}
