package mmap

// This file calls Windows itself: mmap-go v1.2.0 flushes a copy-on-write mapping through
// the file's handle before it ends it, and when that fails, as it does on a file opened
// for reading or closed since, it does not end it.

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

const openFlags = os.O_RDONLY

// canBeCut: Windows refuses to truncate a file that is mapped.
const canBeCut = false

// region is the handle of the file mapping. The view would keep the file mapped without
// it, but closing both in one place is easier to see through.
type region struct{ handle windows.Handle }

func mapFile(f *os.File, size int, copyOnWrite bool) ([]byte, region, error) {
	protect, access := uint32(windows.PAGE_READONLY), uint32(windows.FILE_MAP_READ)
	if copyOnWrite {
		protect, access = windows.PAGE_WRITECOPY, windows.FILE_MAP_COPY
	}
	length := uint64(size)
	h, err := windows.CreateFileMapping(windows.Handle(f.Fd()), nil, protect, uint32(length>>32), uint32(length), nil)
	if err != nil {
		return nil, region{}, os.NewSyscallError("CreateFileMapping", err)
	}
	addr, err := windows.MapViewOfFile(h, access, 0, 0, uintptr(size))
	if err != nil {
		return nil, region{}, errors.Join(os.NewSyscallError("MapViewOfFile", err), windows.CloseHandle(h))
	}
	return unsafe.Slice((*byte)(pointer(addr)), size), region{h}, nil
}

// pointer is of memory that the garbage collector does not know, so nothing moves under
// it. The detour keeps vet from taking it for a pointer computed from a Go object's.
func pointer(addr uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&addr))
}

func (r region) unmap(b []byte) error {
	err := windows.UnmapViewOfFile(uintptr(unsafe.Pointer(unsafe.SliceData(b))))
	return errors.Join(os.NewSyscallError("UnmapViewOfFile", err),
		os.NewSyscallError("CloseHandle", windows.CloseHandle(r.handle)))
}
