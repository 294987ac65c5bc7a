//go:build purego || !(386 || amd64 || arm || arm64 || loong64 || mips64le || mipsle || ppc64le || riscv64 || wasm)

package safetensors

// This file is cast.go's twin for big-endian machines and for builds without
// unsafe: every view is a copy.

import "encoding/binary"

func sizeOf[T Element]() int {
	var zero T
	return binary.Size(zero)
}

func castBytes[T Element]([]byte) ([]T, bool) { return nil, false }

// readElements fills dst with the elements decoded from what read gives for
// their bytes, a piece at a time.
func readElements[T Element](dst []T, read func(p []byte, off int64) error) error {
	const piece = 1 << 14 // elements
	buf := make([]byte, min(len(dst), piece)*sizeOf[T]())
	for done := 0; done < len(dst); {
		n := min(len(dst)-done, piece)
		p := buf[:n*sizeOf[T]()]
		if err := read(p, int64(done)*int64(sizeOf[T]())); err != nil {
			return err
		}
		if _, err := binary.Decode(p, binary.LittleEndian, dst[done:done+n]); err != nil {
			return err
		}
		done += n
	}
	return nil
}
