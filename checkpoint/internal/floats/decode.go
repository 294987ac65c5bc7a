package floats

// This file is the way in for decoding. Each function checks the length once
// and leaves the work to one kernel.

// DecodeF16 fills dst from the first 2*len(dst) bytes of src.
func DecodeF16(dst []float32, src []byte) { decodeF16(dst, first(src, 2*len(dst))) }

// DecodeBF16 fills dst from the first 2*len(dst) bytes of src.
func DecodeBF16(dst []float32, src []byte) { decodeBF16(dst, first(src, 2*len(dst))) }

// DecodeF8E5M2 fills dst from the first len(dst) bytes of src.
func DecodeF8E5M2(dst []float32, src []byte) { decodeF8(dst, first(src, len(dst)), &tableE5M2) }

// DecodeF8E4M3 fills dst from the first len(dst) bytes of src.
func DecodeF8E4M3(dst []float32, src []byte) { decodeF8(dst, first(src, len(dst)), &tableE4M3) }

// DecodeF8E5M2FNUZ fills dst from the first len(dst) bytes of src.
func DecodeF8E5M2FNUZ(dst []float32, src []byte) {
	decodeF8(dst, first(src, len(dst)), &tableE5M2FNUZ)
}

// DecodeF8E4M3FNUZ fills dst from the first len(dst) bytes of src.
func DecodeF8E4M3FNUZ(dst []float32, src []byte) {
	decodeF8(dst, first(src, len(dst)), &tableE4M3FNUZ)
}

// DecodeF8E8M0 fills dst from the first len(dst) bytes of src. The values are
// scales: powers of two.
func DecodeF8E8M0(dst []float32, src []byte) { decodeF8(dst, first(src, len(dst)), &tableE8M0) }

// DecodeF6E3M2 fills dst from the first 6*len(dst) bits of src, rounded up to
// bytes. For the order of the bits see [DecodeF6E2M3].
func DecodeF6E3M2(dst []float32, src []byte) { decodeF6(dst, first(src, sizeF6(len(dst))), &tableE3M2) }

// DecodeF6E2M3 fills dst from the first 6*len(dst) bits of src, rounded up to
// bytes.
//
// Neither safetensors nor the OCP specification says how six-bit elements lie
// in bytes. This package takes the order that continues F4's: four elements in
// three bytes, element i at bits 6*i to 6*i+5 of the little-endian 24-bit
// number. A file by a writer that packs otherwise needs another decoder.
func DecodeF6E2M3(dst []float32, src []byte) { decodeF6(dst, first(src, sizeF6(len(dst))), &tableE2M3) }

// DecodeF4 fills dst from the first 4*len(dst) bits of src, rounded up to bytes.
// The lower half of a byte comes first, as in PyTorch's float4_e2m1fn_x2.
func DecodeF4(dst []float32, src []byte) { decodeF4(dst, first(src, len(dst)/2+len(dst)%2)) }

// first returns the first n bytes of b. It panics if b is shorter, even where
// its capacity is not: what lies there belongs to something else.
func first(b []byte, n int) []byte { return b[:n:len(b)] }

// sizeF6 is the number of bytes of n six-bit elements. It is put so that n
// near the largest int does not overflow.
func sizeF6(n int) int { return n/4*3 + n%4 }
