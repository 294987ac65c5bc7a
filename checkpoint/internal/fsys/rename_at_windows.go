package fsys

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// renameInfo is FILE_RENAME_INFORMATION with room for one element of a path.
type renameInfo struct {
	replace bool
	dir     windows.Handle
	length  uint32 // of name, in bytes
	name    [windows.MAX_PATH]uint16
}

// renameAt renames from one open directory to another and replaces nothing. Package os has
// the call that does replace.
func renameAt(from, to place) (err error) {
	info := renameInfo{dir: windows.Handle(to.dir.Fd())}
	name, err := windows.UTF16FromString(to.name)
	if err != nil {
		return err
	}
	if len(name) > len(info.name) {
		return windows.ERROR_FILENAME_EXCED_RANGE
	}
	info.length = uint32(2 * (copy(info.name[:], name) - 1)) // less the zero at the end
	h, err := openToRename(from.dir, from.name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, windows.CloseHandle(h)) }()
	return errnoOf(windows.NtSetInformationFile(h, new(windows.IO_STATUS_BLOCK),
		(*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), windows.FileRenameInformation))
}

// openToRename opens what name is in dir, be it a link.
func openToRename(dir *os.File, name string) (windows.Handle, error) {
	object, err := windows.NewNTUnicodeString(name)
	if err != nil {
		return windows.InvalidHandle, err
	}
	at := windows.OBJECT_ATTRIBUTES{
		RootDirectory: windows.Handle(dir.Fd()),
		ObjectName:    object,
		Attributes:    windows.OBJ_CASE_INSENSITIVE | windows.OBJ_DONT_REPARSE,
	}
	at.Length = uint32(unsafe.Sizeof(at))
	const (
		access  = windows.DELETE | windows.SYNCHRONIZE
		share   = windows.FILE_SHARE_READ | windows.FILE_SHARE_WRITE | windows.FILE_SHARE_DELETE
		options = windows.FILE_OPEN_REPARSE_POINT | windows.FILE_OPEN_FOR_BACKUP_INTENT | windows.FILE_SYNCHRONOUS_IO_NONALERT
	)
	var h windows.Handle
	err = windows.NtCreateFile(&h, access, &at, new(windows.IO_STATUS_BLOCK), nil, 0, share,
		windows.FILE_OPEN, options, 0, 0)
	return h, errnoOf(err)
}

// errnoOf is the error that package os would give, which errors.Is knows.
func errnoOf(err error) error {
	if status, ok := errors.AsType[windows.NTStatus](err); ok {
		return status.Errno()
	}
	return err
}
