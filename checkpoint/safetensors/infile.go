package safetensors

// This file finds out whether a tensor's bytes lie in a file of the system, from which
// the kernel can copy.

import (
	"io"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// inFile calls fn with the file that the tensor lies in, which is not closed meanwhile, and
// where in it the tensor's bytes begin. It reports whether it did: they may lie in memory,
// or behind an io.ReaderAt, or not in one piece.
func (t Tensor) inFile(fn func(file io.ReaderAt, begin int64) error) (called bool, err error) {
	release, err := t.f.reading()
	if err != nil {
		return false, err
	}
	defer release()
	file := t.f.src.osFile()
	if file == nil || !t.contiguous() {
		return false, nil
	}
	return true, fn(file, t.begin())
}

// osFile is the file of the system that has the bytes of s, nil where there is none.
func (s *source) osFile() *os.File {
	if m, ok := s.closer.(*mmap.Mapping); ok {
		return m.File()
	}
	file, _ := s.r.(*os.File)
	return file
}

// ownMemory reports whether the bytes are memory that the program may have written to.
func (s *source) ownMemory() bool {
	m, ok := s.closer.(*mmap.Mapping)
	return s.r == nil && (!ok || m.CopyOnWrite())
}

// trusted returns the stored checksum of a whole tensor whose bytes are still those of
// the file.
func (t Tensor) trusted() (sum uint64, ok bool) {
	text, stored := t.stored()
	if !stored || t.part != nil || t.f.src.ownMemory() {
		return 0, false
	}
	return parseSum(text)
}
