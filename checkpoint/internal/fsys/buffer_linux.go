package fsys

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// hugePage is the size of a large page where pages are of 4 KiB, in bytes.
const hugePage = 2 << 20

// NewBuffer returns size bytes of new memory that direct writes take: aligned to 2 MiB
// and, where the system has them, made of large pages, without which a direct write of
// 1 GiB took 1.4 times as long. The memory is not the collector's: free gives it back, and
// the bytes must not be used afterwards. What was not written to costs nothing.
func NewBuffer(size int) (b []byte, free func() error, err error) {
	all, err := unix.Mmap(-1, 0, size+hugePage, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil, nil, err
	}
	_ = unix.Madvise(all, unix.MADV_HUGEPAGE) // a wish: kernels may be built without
	skip := int(-uintptr(unsafe.Pointer(unsafe.SliceData(all))) % hugePage)
	return all[skip : skip+size : skip+size], func() error { return unix.Munmap(all) }, nil
}

// Populate asks the system to have the memory of b in place before it is first written to, which for 1 GiB may
// take it two seconds. What b holds stays as it is, also if it is written meanwhile. Nothing is different
// where there is no such call (Linux before 5.14, other systems).
func Populate(b []byte) {
	if len(b) > 0 {
		_ = unix.Madvise(b, unix.MADV_POPULATE_WRITE)
	}
}
