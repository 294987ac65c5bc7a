package floats

// This file is the way in for encoding. Each function checks the length once
// and leaves the work to one kernel.

// EncodeF16 writes src, rounded to F16 as by [F32ToF16], to the first
// 2*len(src) bytes of dst.
func EncodeF16(dst []byte, src []float32) { encodeF16(first(dst, 2*len(src)), src) }

// EncodeBF16 writes src, rounded to BF16 as by [F32ToBF16], to the first
// 2*len(src) bytes of dst.
func EncodeBF16(dst []byte, src []float32) { encodeBF16(first(dst, 2*len(src)), src) }

// EncodeF16From64 writes src, rounded once to F16, to the first 2*len(src)
// bytes of dst.
func EncodeF16From64(dst []byte, src []float64) { encodeF16From64(first(dst, 2*len(src)), src) }

// EncodeBF16From64 writes src, rounded once to BF16, to the first 2*len(src)
// bytes of dst.
func EncodeBF16From64(dst []byte, src []float64) { encodeBF16From64(first(dst, 2*len(src)), src) }

// EncodeF32From64 writes src, rounded to float32, to the first 4*len(src) bytes
// of dst.
func EncodeF32From64(dst []byte, src []float64) { encodeF32From64(first(dst, 4*len(src)), src) }
