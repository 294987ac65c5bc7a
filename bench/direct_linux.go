package main

// This file is what only Linux offers: writing past the page cache, dropping a file's
// pages from it, and asking for huge pages.

import (
	"errors"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// directUnit is what direct writes must be multiples of, in memory, in length and in the
// file, in bytes. Some disks would take less.
const directUnit = 4096

// openDirect makes a file whose writes go past the page cache. Where the file system
// refuses, the error is errors.ErrUnsupported.
func openDirect(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|unix.O_DIRECT, 0o666)
	if errors.Is(err, unix.EINVAL) {
		// Linux makes the file before it looks at the flag.
		return nil, errors.Join(errors.ErrUnsupported, os.RemoveAll(path))
	}
	return f, err
}

// dropPages drops the pages of a file from the page cache, but for those that somebody
// has mapped and touched. They must be clean.
func dropPages(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED), f.Close())
}

// adviseHuge asks for large pages where b has none yet, which is advice.
func adviseHuge(b []byte) { _ = unix.Madvise(wholePages(b), unix.MADV_HUGEPAGE) }

// populate has the pages of b laid out in one call, instead of a fault for each. Linux
// before 5.14 does not know it, and then they come as they are touched.
func populate(b []byte) { _ = unix.Madvise(wholePages(b), unix.MADV_POPULATE_WRITE) }

// wholePages is what b has of pages that nothing else lies in.
func wholePages(b []byte) []byte {
	page := os.Getpagesize()
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (page - 1)
	if len(b) < skip+page {
		return nil
	}
	return b[skip : skip+(len(b)-skip)/page*page]
}

const canDropPages = true
