package floats

// This file holds the kernels in plain Go, one function a conversion. They are
// the specification: a version for one processor, as in halves_amd64.go, has to
// give the same bits; the functions that have one are called plain. A kernel may rely on the byte slice having exactly
// the length that its elements take.

import (
	"encoding/binary"
	"math"
	"sync"
)

// plainDecodeF16 looks its elements up, four at a time: twice to four times as fast
// as computing them. Values of one tensor share few exponents, so of the table's
// 256 KiB some dozens of KiB come into the cache.
func plainDecodeF16(dst []float32, src []byte) {
	if len(dst) < 16 { // the rest of something long; not worth a table
		for i := range dst {
			dst[i] = F16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
		}
		return
	}
	fillTableF16()
	for len(dst) >= 4 && len(src) >= 8 {
		word := binary.LittleEndian.Uint64(src)
		four := dst[:4]
		four[0] = tableF16[uint16(word)]
		four[1] = tableF16[uint16(word>>16)]
		four[2] = tableF16[uint16(word>>32)]
		four[3] = tableF16[uint16(word>>48)]
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = tableF16[binary.LittleEndian.Uint16(src[2*i:])]
	}
}

// tableF16 holds the value of each F16 once fillTableF16 has returned. It takes
// no memory before the first F16 is decoded.
var tableF16 [1 << 16]float32

// fillTableF16 takes a tenth of a millisecond the first time.
var fillTableF16 = sync.OnceFunc(func() {
	for code := range tableF16 {
		tableF16[code] = F16ToF32(uint16(code))
	}
})

// plainDecodeBF16 takes four elements from a word of eight bytes at a time.
func plainDecodeBF16(dst []float32, src []byte) {
	for len(dst) >= 4 && len(src) >= 8 {
		word := binary.LittleEndian.Uint64(src)
		four := dst[:4]
		four[0] = BF16ToF32(uint16(word))
		four[1] = BF16ToF32(uint16(word >> 16))
		four[2] = BF16ToF32(uint16(word >> 32))
		four[3] = BF16ToF32(uint16(word >> 48))
		dst, src = dst[4:], src[8:]
	}
	for i := range dst {
		dst[i] = BF16ToF32(binary.LittleEndian.Uint16(src[2*i:]))
	}
}

// decodeF8 serves all formats of one byte: they differ only in their table.
func decodeF8(dst []float32, src []byte, table *[256]float32) {
	dst = dst[:len(src)]
	for i, code := range src {
		dst[i] = table[code]
	}
}

// decodeF6 takes four elements from three bytes at a time.
func decodeF6(dst []float32, src []byte, table *[64]float32) {
	for len(dst) >= 4 {
		group := uint(src[0]) | uint(src[1])<<8 | uint(src[2])<<16
		dst[0] = table[group&63]
		dst[1] = table[group>>6&63]
		dst[2] = table[group>>12&63]
		dst[3] = table[group>>18&63]
		dst, src = dst[4:], src[3:]
	}
	decodeF6Tail(dst, src, table)
}

// decodeF6Tail takes the last, at most three, elements from as many bytes.
func decodeF6Tail(dst []float32, src []byte, table *[64]float32) {
	var group uint
	for i, b := range src {
		group |= uint(b) << (8 * i)
	}
	for i := range dst {
		dst[i] = table[group>>(6*i)&63]
	}
}

func decodeF4(dst []float32, src []byte) {
	pairs := len(dst) / 2
	for i, b := range src[:pairs] {
		dst[2*i] = tableE2M1[b&15]
		dst[2*i+1] = tableE2M1[b>>4]
	}
	if len(dst)%2 == 1 {
		dst[2*pairs] = tableE2M1[src[pairs]&15]
	}
}

func plainEncodeF16(dst []byte, src []float32) {
	for i, f := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], F32ToF16(f))
	}
}

func plainEncodeBF16(dst []byte, src []float32) {
	for i, f := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], F32ToBF16(f))
	}
}

func encodeF16From64(dst []byte, src []float64) {
	for i, d := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], f64ToF16(d))
	}
}

func encodeBF16From64(dst []byte, src []float64) {
	for i, d := range src {
		binary.LittleEndian.PutUint16(dst[2*i:], f64ToBF16(d))
	}
}

func encodeF32From64(dst []byte, src []float64) {
	for i, d := range src {
		binary.LittleEndian.PutUint32(dst[4*i:], math.Float32bits(f64ToF32(d)))
	}
}
