package safetensors

// This file holds the format's numbers, and the one function that turns a
// dtype and a shape into a number of bytes.

import "math/bits"

const (
	// lengthBytes is the width of the header's length, the first bytes of a file.
	lengthBytes = 8
	// maxHeader is the longest header in bytes. Exactly this many is legal.
	maxHeader = 100_000_000
	// dataAlign is what the writer pads the header to, in bytes.
	dataAlign = 8
	// maxDepth is how deep JSON in a header may nest: serde_json's recursion
	// limit of 128, the innermost level of which it refuses.
	maxDepth = 127
	// metadataName is the one name that is not a tensor's.
	metadataName = "__metadata__"
	// minEntry is the fewest header bytes a tensor takes, without the comma that
	// the last one lacks: `"":{"dtype":"F4","shape":[],"data_offsets":[0,0]}`.
	minEntry = 49
)

// A sizer multiplies dims from left to right, as the reference does: [max, max, 0]
// overflows, [0, max, max] is zero.
type sizer struct {
	elements uint64
	overflow bool
}

func newSizer() sizer { return sizer{elements: 1} }

func (s *sizer) axis(dim uint64) {
	hi, lo := bits.Mul64(s.elements, dim)
	s.overflow = s.overflow || hi != 0
	s.elements = lo
}

// bytes returns the size of that many elements of d. The kind is "" where there
// is one.
func (s sizer) bytes(d DType) (uint64, ErrorKind) {
	hi, lo := bits.Mul64(s.elements, uint64(d.Bits()))
	switch {
	case s.overflow || hi != 0:
		return 0, ErrOverflow
	case lo%8 != 0:
		return 0, ErrMisaligned
	}
	return lo / 8, ""
}

// sizeBytes is the size in bytes of a tensor that the caller describes.
func sizeBytes(d DType, shape []int) (int64, ErrorKind) {
	s := newSizer()
	for _, dim := range shape {
		if dim < 0 {
			return 0, ErrSize
		}
		s.axis(uint64(dim))
	}
	n, kind := s.bytes(d)
	return int64(n), kind // of 64 bits, so less than 2^61
}
