//go:build !amd64 || purego || race || msan || asan

package floats

// This file is halves_amd64.go's twin for other processors, and for builds that must see every
// write.

func decodeF16(dst []float32, src []byte)  { plainDecodeF16(dst, src) }
func decodeBF16(dst []float32, src []byte) { plainDecodeBF16(dst, src) }
func encodeF16(dst []byte, src []float32)  { plainEncodeF16(dst, src) }
func encodeBF16(dst []byte, src []float32) { plainEncodeBF16(dst, src) }
