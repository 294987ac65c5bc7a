package fsys

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// free asks by the path that the handle has now: there is no call that takes a handle. A
// path may be longer than the usual limit in the form that is returned.
func free(f *os.File) (uint64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	buf := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetFinalPathNameByHandle(windows.Handle(f.Fd()), &buf[0], uint32(len(buf)), 0)
	if err != nil {
		return 0, err
	}
	dir := windows.UTF16ToString(buf[:min(int(n), len(buf))])
	if !info.IsDir() {
		dir = filepath.Dir(dir) // which is what the call takes
	}
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return 0, err
	}
	var room uint64
	err = windows.GetDiskFreeSpaceEx(p, &room, nil, nil)
	return room, err
}
