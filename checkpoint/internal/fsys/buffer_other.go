//go:build !linux

package fsys

import "unsafe"

// bufferAlign is enough for the direct files of package faulty, the only ones here.
const bufferAlign = 4096

// NewBuffer returns size bytes of new memory that direct writes take. The bytes must not
// be used after free.
func NewBuffer(size int) (b []byte, free func() error, err error) {
	all := make([]byte, size+bufferAlign)
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(all))) % bufferAlign)
	return all[skip : skip+size : skip+size], func() error { return nil }, nil
}

// Populate does nothing here.
func Populate([]byte) {}
