package safetensors

// This file writes a file whose tensors are in hand.

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/minio/crc64nvme"
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
// ErrSize, ErrOverflow, ErrMisaligned. Errors of w and of WriteData name the
// tensor and are wrapped.
func Encode(w io.Writer, src []Source, o *WriteOptions) error {
	if o == nil {
		o = &WriteOptions{}
	}
	metadata := o.Metadata
	if o.Checksums {
		var err error
		if metadata, err = withChecksums(metadata, src); err != nil {
			return err
		}
	}
	l, err := newLayout(src, metadata)
	if err != nil {
		return err
	}
	if r, ok := w.(interface{ Reserve(size int64) error }); ok {
		if err := r.Reserve(l.size); err != nil {
			return fmt.Errorf("safetensors: reserve %d bytes: %w", l.size, err)
		}
	}
	return l.write(w, src)
}

// write gathers the header and small tensors into larger writes; large ones go
// to w straight from their memory.
func (l *layout) write(w io.Writer, src []Source) error {
	buf := bufio.NewWriterSize(w, 1<<20)
	if _, err := buf.Write(l.header); err != nil {
		return fmt.Errorf("safetensors: write the header: %w", err)
	}
	for _, i := range l.order {
		if err := src[i].copyTo(buf, l.sizes[i]); err != nil {
			return fmt.Errorf("safetensors: write tensor %q: %w", src[i].Name, err)
		}
	}
	if err := buf.Flush(); err != nil {
		return fmt.Errorf("safetensors: write: %w", err)
	}
	return nil
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

// ownPrefix begins every metadata key with a meaning of ours.
const ownPrefix = "kibisis."

// checksumPrefix and a tensor's name make the key of its checksum.
const checksumPrefix = ownPrefix + "crc64nvme."

// withChecksums returns a copy of metadata with a checksum for every tensor.
func withChecksums(metadata map[string]string, src []Source) (map[string]string, error) {
	all := maps.Clone(metadata)
	if all == nil {
		all = make(map[string]string, len(src))
	}
	for i := range src {
		hash := crc64nvme.New()
		size, kind := sizeBytes(src[i].DType, src[i].Shape)
		if kind == "" { // else newLayout says so
			if err := src[i].copyTo(hash, size); err != nil {
				return nil, fmt.Errorf("safetensors: checksum of tensor %q: %w", src[i].Name, err)
			}
		}
		all[checksumPrefix+src[i].Name] = fmt.Sprintf("%016x", hash.Sum64())
	}
	return all, nil
}

// Verify reads the tensor and compares its bytes with the checksum in the
// metadata. It reports whether there is one. A difference is a *FormatError of
// ErrChecksum. A slice is verified by the whole tensor.
func (t Tensor) Verify() (stored bool, err error) {
	want, stored := t.f.metadata()[checksumPrefix+t.Name()]
	if !stored {
		return false, nil
	}
	hash := crc64nvme.New()
	whole := t.f.tensor(t.e)
	buf := make([]byte, min(whole.Size()+1, 1<<18))
	if _, err := io.CopyBuffer(hash, io.NewSectionReader(whole, 0, whole.Size()), buf); err != nil {
		return true, err
	}
	return true, t.compare(hash.Sum64(), want)
}

// VerifyBytes is Verify for bytes of the whole tensor that were read before.
func (t Tensor) VerifyBytes(p []byte) (stored bool, err error) {
	want, stored := t.f.metadata()[checksumPrefix+t.Name()]
	if !stored {
		return false, nil
	}
	hash := crc64nvme.New()
	for piece := range slices.Chunk(p, 1<<20) { // pieces: see copyPieces
		hash.Write(piece)
	}
	return true, t.compare(hash.Sum64(), want)
}

func (t Tensor) compare(sum uint64, want string) error {
	got := fmt.Sprintf("%016x", sum)
	if got == want {
		return nil
	}
	begin, end := t.Range()
	return &FormatError{
		Kind: ErrChecksum, Path: t.f.src.path, Tensor: t.Name(), Begin: begin, End: end,
		Detail: fmt.Sprintf("CRC-64/NVME is %s, stored %q", got, want),
	}
}
