package safetensors

// This file is tensors that are to be written: what they are, and what gives their
// bytes.

import (
	"cmp"
	"fmt"
	"io"
)

// A Spec is a tensor to be written, without its data.
type Spec struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar
}

// A Source is one tensor to be written, with its data.
type Source struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar

	// Data is the elements, row-major, little-endian, sub-byte ones packed. It
	// is read during the call, by more than one goroutine, and not kept.
	Data []byte
	// WriteData writes the same bytes to w, for data that is made on the way. It
	// is called where Data is nil, on the caller's goroutine: once, but twice by
	// Encode where checksums are asked for.
	WriteData func(w io.Writer) error
}

// inHand reports whether Data holds the bytes, rather than WriteData.
func (s *Source) inHand() bool { return s.Data != nil || s.WriteData == nil }

func (s *Source) spec() Spec { return Spec{s.Name, s.DType, s.Shape} }

// SpecsOf are src without their data, for PlanImage and its like. Shapes are shared.
func SpecsOf(src []Source) []Spec {
	specs := make([]Spec, len(src))
	for i := range src {
		specs[i] = src[i].spec()
	}
	return specs
}

// copyTo writes the data, which must be size bytes.
func (s *Source) copyTo(w io.Writer, size int64) error {
	if s.inHand() {
		_, err := w.Write(s.Data)
		return err
	}
	lw := &exactWriter{w: w, left: size}
	err := s.WriteData(lw)
	if err = cmp.Or(err, lw.err); err != nil {
		return err
	}
	if lw.left != 0 {
		return fmt.Errorf("%w: WriteData wrote %d of %d bytes", ErrSize, size-lw.left, size)
	}
	return nil
}

// An exactWriter passes on no more bytes than it was made for. Its first error
// stays, for a WriteData that forgets it.
type exactWriter struct {
	w    io.Writer
	left int64
	err  error
}

func (e *exactWriter) Write(p []byte) (n int, err error) {
	if e.err == nil && int64(len(p)) > e.left {
		e.err = fmt.Errorf("%w: WriteData writes %d bytes more than shape and dtype say", ErrSize, int64(len(p))-e.left)
	}
	if e.err == nil {
		n, e.err = e.w.Write(p)
		e.left -= int64(n)
	}
	return n, e.err
}
