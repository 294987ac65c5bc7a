package safetensors

// This file is the image of a file: what would be written, laid out in memory of the
// caller's. image_pass.go is what goes over its data.

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/fb777929/kibisis/checkpoint/internal/crc"
)

// An Image is a file that is put together in memory, for programs that must not wait for a
// disk: one goroutine copies tensors to where they belong in the file, another seals the
// file and writes its bytes, which are those that Encode would write.
//
//	m, err := safetensors.PlanImage(specs, o)
//	err = m.Place(memory[:m.Size()]) // the header is there now
//	err = m.Fill(ctx, sources)       // or by hand: copy(m.Tensor(i), ...)
//	err = m.Seal(ctx)                // the checksums are there now
//
// Place, Fill and Seal may be called any number of times; what they allocate does not
// depend on the size of the data, but for 40 bytes a MiB at the first Place. An Image may
// move from goroutine to goroutine, and is no two goroutines' at once; only the memory that
// Tensor gives may be written by several. The memory stays the caller's, who must not let
// go of it before the Image.
type Image struct {
	l     *layout
	ofSet bool   // it has a digest, which is not known here
	mem   []byte // nil before Place
	parts []imagePart
	sums  []uint64 // by spec
	sum   uint64   // of the whole file
}

// PlanImage lays out a file of the tensors that specs declares, without memory for their
// data. Of the options, Metadata, Checksums and Align count. Errors are *FormatError, as
// from Encode.
func PlanImage(specs []Spec, o *WriteOptions) (*Image, error) {
	opt, err := o.checked()
	if err != nil {
		return nil, err
	}
	l, err := layoutOf(cloneSpecs(specs), opt)
	if err != nil {
		return nil, err
	}
	return newImage(l), nil
}

func newImage(l *layout) *Image { return &Image{l: l, sums: make([]uint64, len(l.specs))} }

// Size is the size of the whole file in bytes, header and data.
func (m *Image) Size() int64 { return m.l.size }

// Place takes memory for the file, exactly Size bytes, and writes the header into it: all
// but the checksums, whose digits are zeros until Seal. Memory of before is let go of.
func (m *Image) Place(memory []byte) error {
	if int64(len(memory)) != m.l.size {
		return fmt.Errorf("safetensors: %w: memory of %d bytes for an image of %d", ErrSize, len(memory), m.l.size)
	}
	m.mem = memory[:len(memory):len(memory)]
	copy(m.mem, m.l.header)
	if m.parts == nil {
		m.parts = m.l.cut()
	}
	return nil
}

// Tensor is where the data of tensor i goes, counted as in the specs: row-major,
// little-endian, sub-byte elements packed. It is nil before Place.
func (m *Image) Tensor(i int) []byte {
	begin := m.l.at(i)
	end := begin + m.l.sizes[i]
	if m.mem == nil {
		return nil
	}
	return m.mem[begin:end:end]
}

// Seal sums all tensors, on all cores, and completes the header. ctx ends it between pieces
// of 1 MiB; the error is then the context's cause, and header and sums are as they were.
// After a change of the data, Seal again. The image of a set is sealed with the others: see
// ShardImages.
func (m *Image) Seal(ctx context.Context) error {
	if m.ofSet {
		return errors.New("safetensors: seal: the image is one of a set, which is sealed as a whole")
	}
	if err := m.sumParts(ctx); err != nil {
		return fmt.Errorf("safetensors: seal: %w", err)
	}
	m.joinParts()
	m.complete("")
	return nil
}

// complete fills in the header, and makes the sum of the file of its and those of the
// tensors. digest is its set's, if it has one.
func (m *Image) complete(digest string) {
	header := m.mem[:len(m.l.header)]
	m.l.fill(header, m.sums)
	if m.ofSet {
		m.l.fillSet(header, digest)
	}
	m.sum = checksum(header)
	for _, i := range m.l.order {
		m.sum = crc.Join(m.sum, m.sums[i], m.l.sizes[i])
	}
}

// Sums are the names of the tensors, in the order of the specs, and the CRC-64/NVME of
// their bytes, as the last Seal found them; also where the header has none.
func (m *Image) Sums() iter.Seq2[string, uint64] {
	return func(yield func(string, uint64) bool) {
		for i, sum := range m.sums {
			if !yield(m.l.specs[i].Name, sum) {
				return
			}
		}
	}
}

// FileSum is the CRC-64/NVME of the whole file, as the last Seal left it.
func (m *Image) FileSum() uint64 { return m.sum }
