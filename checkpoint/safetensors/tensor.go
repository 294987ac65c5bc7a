package safetensors

// This file is the handle of one stored tensor, and how its bytes are read.

import (
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// A Tensor is a handle on a stored tensor, or on a slice of one. It holds no
// data: making one, copying one and slicing one read nothing. It is valid until
// its File is closed, and any number of goroutines may use it.
type Tensor struct {
	f    *shard // the file that it lies in
	e    *entry
	part *strided.Layout // what is selected, in elements; nil for all
}

// Name returns the name it is stored under, also for a slice of it.
func (t Tensor) Name() string { return string(t.f.h.bytes(t.e.name)) }

// Path returns the path of the file that the tensor lies in, in a set that of its
// shard; "" where the file has none.
func (t Tensor) Path() string { return t.f.src.path }

// DType returns the type of the elements.
func (t Tensor) DType() DType { return t.e.dtype }

// Shape returns the dims, a slice that the caller owns; empty for a scalar. For
// sub-byte dtypes they count elements, not bytes. A dim that int cannot hold
// (only a tensor without elements can have one) is given as the largest int.
func (t Tensor) Shape() []int {
	if t.part != nil {
		return t.part.Shape()
	}
	var shape []int
	t.f.h.dimsOf(t.e, func(dim uint64) {
		shape = append(shape, int(min(dim, math.MaxInt)))
	})
	return shape
}

// Size returns the number of bytes.
func (t Tensor) Size() int64 {
	if t.part != nil {
		return strided.InBytes(t.part.Elements(), t.bits())
	}
	return int64(t.e.end - t.e.begin)
}

// Range returns where the tensor's bytes lie, counted from the start of the
// file. For a slice it is the range of the whole tensor.
func (t Tensor) Range() (begin, end int64) {
	return t.f.h.absolute(t.e.begin), t.f.h.absolute(t.e.end)
}

// Mapped reports whether Bytes and views are views of a mapping, which ends with
// Close, rather than memory of their own.
func (t Tensor) Mapped() bool { return t.f.src.mapped != nil && t.contiguous() }

// contiguous reports whether the bytes lie in one piece.
func (t Tensor) contiguous() bool { return t.part == nil || t.part.Contiguous() }

// ReadAt reads len(p) bytes from offset off of the tensor's bytes, which are
// row-major and little-endian as in the file; it is io.ReaderAt.
func (t Tensor) ReadAt(p []byte, off int64) (int, error) {
	size := t.Size()
	if off < 0 || off > size {
		return 0, t.errorf("%w: offset %d in %d bytes", ErrIndex, off, size)
	}
	n := int(min(int64(len(p)), size-off))
	if err := t.read(p[:n], off); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// ReadInto fills p, which must have the length that Size says, with the tensor's
// bytes, row-major and little-endian.
func (t Tensor) ReadInto(p []byte) error {
	if int64(len(p)) != t.Size() {
		return t.errorf("%w: a buffer of %d bytes for %d", ErrSize, len(p), t.Size())
	}
	return t.read(p, 0)
}

// read fills p from offset off, both within the tensor.
func (t Tensor) read(p []byte, off int64) error {
	release, err := t.f.reading()
	if err != nil {
		return err
	}
	defer release()
	src, base := t.f.src, t.f.h.absolute(t.e.begin)
	if t.part != nil {
		return src.readPart(p, base, *t.part, t.bits(), off)
	}
	begin, end := base+off, base+off+int64(len(p))
	return src.guarded(begin, end, func() error { return src.readAt(p, begin) })
}

// Bytes returns the tensor's bytes, row-major and little-endian: a view where
// the file is mapped or in memory and the bytes lie in one piece, else a copy.
// A view must not be written to unless the file was opened copy-on-write, nor
// used after Close. Bytes of a mapped file that somebody truncates cannot be
// read through a view without ending the process; ReadInto gives an error.
func (t Tensor) Bytes() ([]byte, error) {
	if b, ok, err := t.view(); ok || err != nil {
		return b, err
	}
	if err := t.fits(t.Size()); err != nil {
		return nil, err
	}
	p := make([]byte, t.Size())
	return p, t.read(p, 0)
}

// fits is an error for more bytes of a tensor than memory of this machine can hold:
// a file behind a reader may claim any number, and int may have 32 bits.
func (t Tensor) fits(bytes int64) error {
	if bytes > maxMemory {
		return t.errorf("%d bytes do not fit into memory", bytes)
	}
	return nil
}

// view returns the bytes without copying, where that is possible.
func (t Tensor) view() ([]byte, bool, error) {
	release, err := t.f.reading()
	if err != nil {
		return nil, false, err
	}
	defer release()
	if t.f.src.r != nil || !t.contiguous() {
		return nil, false, nil
	}
	begin := t.begin()
	end := begin + t.Size()
	return t.f.src.mem[begin:end:end], true, nil
}

// begin is where the bytes begin in the file, of a tensor whose bytes lie in one piece.
func (t Tensor) begin() int64 {
	begin := t.f.h.absolute(t.e.begin)
	if t.part != nil {
		begin += strided.InBytes(t.part.Start, t.bits())
	}
	return begin
}

// errorf makes an error that names file and tensor.
func (t Tensor) errorf(format string, args ...any) error {
	args = slices.Insert(args, 0, any(t.f.src.where()), any(t.Name()))
	return fmt.Errorf("safetensors: %stensor %q: "+format, args...)
}
