package faulty

// This file is direct calls: the rules that a real disk has for them. What they wrote is
// as little durable as the rest until a Sync.

import (
	"syscall"
	"unsafe"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// OpenDirect implements fsys.FS. The alignment is that of a sector.
func (v *view) OpenDirect(name string, flag int) (fsys.File, int, error) {
	var h *handle
	err := v.call("opendirect", name, func() (err error) {
		h, err = v.open(name, flag, 0)
		return err
	}, nil)
	if err != nil {
		v.drop(h)
		return nil, 0, err
	}
	h.direct = true
	return h, sectorSize, nil
}

// writeDirect is WriteAt of a direct handle, refused when anything is out of line. One
// that fails half-way leaves whole sectors.
func (h *handle) writeDirect(p []byte, off int64) (n int, err error) {
	put := func(p []byte) (err error) {
		n, err = h.put(p, off)
		return err
	}
	half := len(p) / 2 / sectorSize * sectorSize
	err = h.call("writedirect", func() error {
		if !aligned(p, off) {
			return syscall.EINVAL
		}
		return put(p)
	}, func(*Fault) { _ = put(p[:half]) })
	return n, err
}

func aligned(p []byte, off int64) bool {
	address := uintptr(unsafe.Pointer(unsafe.SliceData(p)))
	return off%sectorSize == 0 && len(p)%sectorSize == 0 && (len(p) == 0 || address%sectorSize == 0)
}
