package safetensors

// This file writes a file from front to back: header, then the data in file order.

import (
	"bufio"
	"fmt"
	"io"
)

// Encode writes src as one file to w. The bytes depend on nothing but the tensors,
// the metadata, Checksums and Align, not on the order of src, and are those that the
// reference writes where the metadata has at most one key and Align is 0 or 8. To
// write a file of the system, use WriteFile: it is atomic, and faster with checksums.
//
// If w has a method Reserve(int64) error, it is called first with the size of
// the file. w gets writes of at most 8 MiB. All of src is checked before that, and
// errors are then *FormatError: ErrReserved, ErrDuplicate, ErrHeaderUTF8,
// ErrHeaderTooLarge, ErrSize, ErrOverflow, ErrMisaligned. Errors of w and of WriteData
// are wrapped; they name the tensor, unless they come to light after the last one.
func Encode(w io.Writer, src []Source, o *WriteOptions) error {
	opt, err := o.checked()
	if err != nil {
		return err
	}
	l, err := layoutOfSources(src, opt)
	if err != nil {
		return err
	}
	if opt.Checksums {
		sums, err := l.checksums(src)
		if err != nil {
			return err
		}
		l.fill(l.header, sums)
	}
	if r, ok := w.(interface{ Reserve(size int64) error }); ok {
		if err := r.Reserve(l.size); err != nil {
			return fmt.Errorf("safetensors: %w", err)
		}
	}
	return l.write(pacedWriter{w, &pace{progress: opt.Progress, total: l.size}}, src, nil)
}

// write gathers the header and small tensors into larger writes; large ones go
// to w straight from their memory. With sums, data that WriteData makes is summed as
// it passes.
func (l *layout) write(w io.Writer, src []Source, sums []uint64) error {
	buf := bufio.NewWriterSize(w, largeData)
	if _, err := buf.Write(l.header); err != nil {
		return fmt.Errorf("safetensors: write the header: %w", err)
	}
	for _, i := range l.order {
		if err := l.writeData(buf, &src[i], i, sums); err != nil {
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

// writeData writes one tensor behind what buf holds. Large data finds buf empty, or
// its first part would be copied to fill it.
func (l *layout) writeData(buf *bufio.Writer, s *Source, i int, sums []uint64) error {
	switch {
	case s.inHand() && l.sizes[i] >= largeData:
		if err := buf.Flush(); err != nil {
			return err
		}
	case !s.inHand() && sums != nil:
		d := newSum()
		err := s.copyTo(io.MultiWriter(d, buf), l.sizes[i])
		sums[i] = d.Sum64()
		return err
	}
	return s.copyTo(buf, l.sizes[i])
}
