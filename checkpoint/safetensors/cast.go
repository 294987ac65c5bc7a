//go:build !purego && (386 || amd64 || arm || arm64 || loong64 || mips64le || mipsle || ppc64le || riscv64 || wasm)

package safetensors

// This file is the only one with unsafe: it sees file bytes as Go numbers on
// little-endian machines. cast_purego.go is its twin without.

import "unsafe"

func sizeOf[T Element]() int {
	var zero T
	return int(unsafe.Sizeof(zero))
}

// castBytes returns b as elements without copying, where its address is aligned
// for them.
func castBytes[T Element](b []byte) ([]T, bool) {
	var zero T
	p := unsafe.Pointer(unsafe.SliceData(b))
	if uintptr(p)%unsafe.Alignof(zero) != 0 {
		return nil, false
	}
	return unsafe.Slice((*T)(p), len(b)/sizeOf[T]()), true
}

// readElements fills dst with what read gives for its bytes.
func readElements[T Element](dst []T, read func(p []byte, off int64) error) error {
	return read(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(dst))), len(dst)*sizeOf[T]()), 0)
}
