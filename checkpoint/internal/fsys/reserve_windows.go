package fsys

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// reserve sets the allocation size, which is not the file's length: Windows gives
// back what lies behind the end when the file is closed.
func reserve(f *os.File, size int64) error {
	err := windows.SetFileInformationByHandle(windows.Handle(f.Fd()), windows.FileAllocationInfo,
		(*byte)(unsafe.Pointer(&size)), uint32(unsafe.Sizeof(size)))
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, windows.ERROR_INVALID_PARAMETER) {
		return nil // the file system cannot reserve; writing will tell
	}
	return err
}
