package safetensors

// This file writes a file whose tensors are in hand.

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
)

// WriteOptions tunes Encode. Nil means: no metadata, no checksums.
type WriteOptions struct {
	// Metadata is written as given; nil writes none, an empty map an empty one.
	// (Loaders of the Hugging Face libraries refuse metadata without "format".)
	Metadata map[string]string
	// Checksums adds the CRC-64/NVME of every tensor to the metadata: see the
	// package comment. It costs a second pass over the data, before the first
	// byte is written.
	Checksums bool
}

// Encode writes src as one file. The bytes depend on nothing but the tensors and
// the metadata, not on the order of src, and are those that the reference writes
// where the metadata has at most one key.
//
// If w has a method Reserve(int64) error, it is called first with the size of
// the file. All of src is checked before that, and errors are then
// *FormatError: ErrReserved, ErrDuplicate, ErrHeaderUTF8, ErrHeaderTooLarge,
// ErrSize, ErrOverflow, ErrMisaligned. Errors of w and of WriteData are
// wrapped; they name the tensor, unless they come to light after the last one.
func Encode(w io.Writer, src []Source, o *WriteOptions) error {
	if o == nil {
		o = &WriteOptions{}
	}
	l, err := newLayout(src, o.Metadata)
	if err == nil && o.Checksums {
		err = l.addChecksums(src, o.Metadata)
	}
	if err != nil {
		return err
	}
	if r, ok := w.(interface{ Reserve(size int64) error }); ok {
		if err := r.Reserve(l.size); err != nil {
			return fmt.Errorf("safetensors: %w", err)
		}
	}
	return l.write(w, src)
}

// write gathers the header and small tensors into larger writes; large ones go
// to w straight from their memory.
func (l *layout) write(w io.Writer, src []Source) error {
	buf := bufio.NewWriterSize(w, largeData)
	if _, err := buf.Write(l.header); err != nil {
		return fmt.Errorf("safetensors: write the header: %w", err)
	}
	for _, i := range l.order {
		if err := src[i].appendTo(buf, l.sizes[i]); err != nil {
			return fmt.Errorf("safetensors: write tensor %q: %w", src[i].Name, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("safetensors: write: %w", err)
	}
	return nil
}

// largeData is from how many bytes on data gets writes of its own.
const largeData = 1 << 20

// appendTo writes the data behind what buf holds. Large data finds buf empty, or
// its first part would be copied to fill it.
func (s *Source) appendTo(buf *bufio.Writer, size int64) error {
	if s.inHand() && size >= largeData {
		if err := buf.Flush(); err != nil {
			return err
		}
	}
	return s.copyTo(buf, size)
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
