package safetensors

// This file is the ways in which a tensor comes to a Writer: in memory, through a
// reader, from another file.

import (
	"fmt"
	"io"
	"slices"
	"sync"
)

// Write writes a tensor whose bytes are data, row-major and little-endian. data is read
// during the call, by more than one goroutine, and not kept. It goes to the disk as it
// is, without a buffer between.
//
// Write, WriteFrom and Copy may be called from any number of goroutines.
func (w *Writer) Write(name string, data []byte) error {
	admit := func(i int) error { return w.l.fit(i, int64(len(data))) }
	return w.write(name, admit, func(i int) error { return w.put(i, data) })
}

// put writes data, and sums it meanwhile.
func (w *Writer) put(i int, data []byte) error {
	if !w.l.summed(i) {
		_, err := w.place(i).Write(data)
		return err
	}
	summer := sumBeside([]Source{{Data: data}}, []int{0}, w.sums[i:i+1])
	defer summer.stop() // as in writeAndSum
	if _, err := w.place(i).Write(data); err != nil {
		return err
	}
	summer.finish()
	return nil
}

// WriteFrom writes a tensor whose bytes r yields, row-major and little-endian. It reads to
// the end of r, through a buffer of 1 MiB: a reader with fewer bytes or more than the tensor
// takes is an ErrSize that says how many. A reader's own error is wrapped. r must not call
// the Writer.
func (w *Writer) WriteFrom(name string, r io.Reader) error {
	return w.write(name, nil, func(i int) error { return w.drain(i, r) })
}

var buffers = sync.Pool{New: func() any { return new([largeData]byte) }}

// drain writes all of r, which must be what the tensor takes.
func (w *Writer) drain(i int, r io.Reader) error {
	buf := buffers.Get().(*[largeData]byte)
	defer buffers.Put(buf)
	out, d := w.place(i), newSum()
	size := w.l.sizes[i]
	for done := int64(0); done < size; {
		n, err := io.ReadFull(r, buf[:min(size-done, largeData)])
		if err == io.EOF || err == io.ErrUnexpectedEOF { // not one that wraps them: it says more
			return fmt.Errorf("%w: the reader ends after %d of %d bytes: %w", ErrSize, done+int64(n), size, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return err
		}
		if w.l.summed(i) {
			_, _ = d.Write(buf[:n]) // a hash never fails
		}
		if _, err := out.Write(buf[:n]); err != nil {
			return err
		}
		done += int64(n)
	}
	w.sums[i] = d.Sum64()
	return w.atEnd(i, r, buf[:1])
}

// atEnd makes sure that r has no more. It also gives readers that check what they have
// read, once they are at its end, their say.
func (w *Writer) atEnd(i int, r io.Reader, one []byte) error {
	n, err := io.ReadFull(r, one)
	switch {
	case n > 0:
		return fmt.Errorf("%w: the reader has more than %d bytes, shape %v of %s",
			ErrSize, w.l.sizes[i], w.l.specs[i].Shape, w.l.specs[i].DType)
	case err == io.EOF: // itself: a reader that wraps it has something to say
		return nil
	}
	return err
}

// Copy writes a tensor that lies in another file, or a slice of one. It must have the
// dtype and the shape that were declared; its name does not matter. Bytes that lie in one
// piece in a file of the system are copied inside the kernel, where that can (Linux), and
// then need no memory. With Checksums, the checksum that is stored with a whole tensor is
// taken over rather than made anew, so that damage stays visible.
//
// Where the other file was opened InMemory, copy-on-write or from bytes, what is copied
// and summed is the memory as it is now.
func (w *Writer) Copy(name string, t Tensor) error {
	admit := func(i int) error { return w.alike(i, t) }
	return w.write(name, admit, func(i int) error { return w.copyFrom(i, t) })
}

// alike refuses a tensor that is not what was declared.
func (w *Writer) alike(i int, t Tensor) error {
	s := w.l.specs[i]
	if t.f == nil {
		return fmt.Errorf("safetensors: write tensor %q: a Tensor of no File", s.Name)
	}
	if t.DType() != s.DType {
		return fmt.Errorf("safetensors: write tensor %q: %w: a copy of %s, declared is %s", s.Name, ErrDType, t.DType(), s.DType)
	}
	if !slices.Equal(t.Shape(), s.Shape) {
		return refuse(s, ErrSize, "a copy of shape %v, declared is %v", t.Shape(), s.Shape)
	}
	return nil
}

func (w *Writer) copyFrom(i int, t Tensor) error {
	sum, known := t.trusted()
	if w.l.summed(i) && !known {
		return w.drain(i, io.NewSectionReader(t, 0, t.Size()))
	}
	w.sums[i] = sum
	copied, err := t.inFile(func(file io.ReaderAt, begin int64) error {
		err := w.copyRange(w.l.at(i), file, begin, t.Size())
		if err != nil {
			return fmt.Errorf("%stensor %q: %w", t.f.src.where(), t.Name(), err)
		}
		return nil
	})
	if copied || err != nil {
		return err
	}
	err = w.drain(i, io.NewSectionReader(t, 0, t.Size()))
	w.sums[i] = sum
	return err
}

// copyRange copies n bytes of file to byte off. Pieces end at multiples of their size, so
// that where both files are aligned alike, all but the ends can share blocks on file
// systems that do that.
func (w *Writer) copyRange(off int64, file io.ReaderAt, begin, n int64) error {
	for n > 0 {
		if err := w.pace.ended(); err != nil {
			return err
		}
		piece := min(n, pieceBytes-off%pieceBytes)
		if err := w.f.CopyRange(off, file, begin, piece); err != nil {
			return err
		}
		w.pace.wrote(piece)
		off, begin, n = off+piece, begin+piece, n-piece
	}
	return nil
}

// place is where a tensor's bytes go.
func (w *Writer) place(i int) pacedWriter {
	return pacedWriter{io.NewOffsetWriter(w.f, w.l.at(i)), &w.pace}
}
