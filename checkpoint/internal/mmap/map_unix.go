//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris

package mmap

import (
	"os"

	gommap "github.com/edsrzf/mmap-go"
	"golang.org/x/sys/unix"
)

// openFlags: should a pipe have taken the file's place after the first look, opening it
// must not wait for a writer.
const openFlags = os.O_RDONLY | unix.O_NONBLOCK

// canBeCut: nothing stops a neighbour from truncating a file that is mapped.
const canBeCut = true

type region struct{}

func mapFile(f *os.File, size int, copyOnWrite bool) ([]byte, region, error) {
	prot := gommap.RDONLY
	if copyOnWrite {
		prot = gommap.COPY
	}
	b, err := gommap.MapRegion(f, size, prot, 0, 0)
	return b, region{}, err
}

// sizeOf is f.Stat().Size() that allocates nothing: Check runs with every read.
func sizeOf(f *os.File) (int64, error) {
	var info unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &info); err != nil {
		return 0, os.NewSyscallError("fstat", err)
	}
	return info.Size, nil
}

func (region) unmap(b []byte) error {
	m := gommap.MMap(b)
	return m.Unmap()
}
