package fsys

// This file copies a range of bytes through memory: where the kernel cannot, or will not.

import (
	"io"
	"sync"
)

// copyPiece is how many bytes are in memory at a time.
const copyPiece = 1 << 20

var copyBuffers = sync.Pool{New: func() any { return new([copyPiece]byte) }}

// copyThrough writes n bytes of src, from byte srcOff on, to dst at byte off.
func copyThrough(dst io.WriterAt, off int64, src io.ReaderAt, srcOff, n int64) error {
	if n == 0 {
		return nil
	}
	buf := copyBuffers.Get().(*[copyPiece]byte)
	defer copyBuffers.Put(buf)
	done, err := io.CopyBuffer(io.NewOffsetWriter(dst, off), io.NewSectionReader(src, srcOff, n), buf[:])
	if err == nil && done < n {
		err = io.ErrUnexpectedEOF
	}
	return err
}
