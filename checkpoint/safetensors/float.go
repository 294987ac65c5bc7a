package safetensors

// This file converts the float dtypes that Go lacks to float32 and back.

import "github.com/fb777929/kibisis/checkpoint/internal/floats"

// Float32 returns the value, exactly. A signalling NaN becomes a quiet one.
func (f Float16) Float32() float32 { return floats.F16ToF32(uint16(f)) }

// Float32 returns the value, exactly.
func (f BFloat16) Float32() float32 { return floats.BF16ToF32(uint16(f)) }

// ToFloat16 rounds to nearest, ties to even; what is too large becomes infinite.
func ToFloat16(x float32) Float16 { return Float16(floats.F32ToF16(x)) }

// ToBFloat16 rounds to nearest, ties to even; what is too large becomes infinite.
func ToBFloat16(x float32) BFloat16 { return BFloat16(floats.F32ToBF16(x)) }

// Float32s returns the elements as float32, appended to dst[:0] where that has
// the room, else in new memory. It takes every float dtype whose values float32
// holds exactly: F32, BF16, F16, the F8 ones, F6 and F4. (For F64 use As: a
// conversion that loses digits is not made in silence.) For sub-byte dtypes it
// unpacks: F4 with the low half of a byte first; F6, whose order no standard
// fixes, as four elements in a little-endian number of three bytes, the first in
// its lowest bits.
func (t Tensor) Float32s(dst []float32) ([]float32, error) {
	decode := floats.Decoder(t.DType().String())
	if decode == nil && t.DType() != F32 {
		return nil, t.errorf("%w: stored %s, which is not a float that float32 holds exactly", ErrDType, t.DType())
	}
	if err := t.fits(t.Size()); err != nil {
		return nil, err
	}
	n := t.Size() * 8 / t.bits()
	if err := t.fits(n * 4); err != nil {
		return nil, err
	}
	if int64(cap(dst)) < n {
		dst = make([]float32, n)
	}
	dst = dst[:n]
	if t.DType() == F32 {
		return dst, readElements(dst, t.read)
	}
	return dst, t.decodePieces(dst, decode)
}

// decodePieces reads and decodes a piece at a time, so that a tensor is never in
// memory twice. A piece holds whole bytes of every dtype.
func (t Tensor) decodePieces(dst []float32, decode func([]float32, []byte)) error {
	const piece = 1 << 16 // elements
	bits := t.DType().Bits()
	buf := make([]byte, (min(len(dst), piece)*bits+7)/8)
	for off := int64(0); len(dst) > 0; {
		n := min(len(dst), piece)
		p := buf[:n*bits/8]
		if err := t.read(p, off); err != nil {
			return err
		}
		decode(dst[:n], p)
		dst, off = dst[n:], off+int64(len(p))
	}
	return nil
}
