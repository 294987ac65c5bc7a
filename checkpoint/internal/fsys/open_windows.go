package fsys

// os.OpenFile does not share the right to delete, so on Windows a file that it
// holds open can be neither renamed nor removed, and a writer would have to let go
// of its lock before the rename. This openFile shares it, and so does what a Root opens.

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

func openFile(name string, flag int, perm os.FileMode) (*os.File, error) {
	h, err := createFile(name, flag, perm)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: name, Err: err}
	}
	return os.NewFile(uintptr(h), name), nil
}

func createFile(name string, flag int, perm os.FileMode) (windows.Handle, error) {
	disposition, ok := dispositions[flag&^accessMask]
	if !ok {
		return windows.InvalidHandle, fs.ErrInvalid
	}
	p, err := windows.UTF16PtrFromString(name)
	if err != nil {
		return windows.InvalidHandle, err
	}
	attributes := uint32(windows.FILE_ATTRIBUTE_NORMAL)
	if perm&0o200 == 0 && flag&os.O_CREATE != 0 {
		attributes = windows.FILE_ATTRIBUTE_READONLY
	}
	const share = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
	return windows.CreateFile(p, accesses[flag&accessMask], share, nil, disposition, attributes, 0)
}

const accessMask = os.O_RDONLY | os.O_WRONLY | os.O_RDWR

var accesses = map[int]uint32{
	os.O_RDONLY: windows.GENERIC_READ,
	os.O_WRONLY: windows.GENERIC_WRITE,
	os.O_RDWR:   windows.GENERIC_READ | windows.GENERIC_WRITE,
}

// dispositions holds the flags that our writers use; others are refused rather
// than half understood.
var dispositions = map[int]uint32{
	0:                        windows.OPEN_EXISTING,
	os.O_CREATE:              windows.OPEN_ALWAYS,
	os.O_CREATE | os.O_EXCL:  windows.CREATE_NEW,
	os.O_TRUNC:               windows.TRUNCATE_EXISTING,
	os.O_CREATE | os.O_TRUNC: windows.CREATE_ALWAYS,
}

// openDir is not worth its own flags here: a directory that is open could not be renamed,
// and its permission bits mean nothing.
func openDir(_ opener, name string) (*os.File, error) {
	return nil, &os.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}
