//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || solaris)

package mmap

import "os"

// sizeOf is only asked where a mapped file can be cut.
func sizeOf(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
