//go:build !purego && !race && !msan && !asan

package floats

// This file converts the two formats of 16 bits with the instructions of halves_amd64.s. Race
// detector and sanitizers cannot see what assembly writes, so builds with them do without.

import "golang.org/x/sys/cpu"

// vectors says that the processor has what the loops need.
var vectors = cpu.X86.HasAVX2 && cpu.X86.HasF16C

const (
	lanes = 16 // elements the loops take at a time
	// piece is how many elements are converted in one go, a multiple of lanes: a MiB at
	// most, for a goroutine inside assembly cannot be stopped. Each is a call that is not
	// inlined, where it can.
	piece = 1 << 18
)

//go:noescape
func decodeF16AVX2(dst *float32, src *byte, n int)

//go:noescape
func decodeBF16AVX2(dst *float32, src *byte, n int)

//go:noescape
func encodeF16AVX2(dst *byte, src *float32, n int)

//go:noescape
func encodeBF16AVX2(dst *byte, src *float32, n int)

func decodeF16(dst []float32, src []byte) {
	for ; len(dst) > piece; dst, src = dst[piece:], src[2*piece:] {
		decodeF16Piece(dst[:piece], src)
	}
	decodeF16Piece(dst, src)
}

//go:noinline
func decodeF16Piece(dst []float32, src []byte) {
	if n := len(dst) / lanes * lanes; n > 0 && vectors {
		decodeF16AVX2(&dst[0], &src[0], n)
		dst, src = dst[n:], src[2*n:]
	}
	plainDecodeF16(dst, src)
}

func decodeBF16(dst []float32, src []byte) {
	for ; len(dst) > piece; dst, src = dst[piece:], src[2*piece:] {
		decodeBF16Piece(dst[:piece], src)
	}
	decodeBF16Piece(dst, src)
}

//go:noinline
func decodeBF16Piece(dst []float32, src []byte) {
	if n := len(dst) / lanes * lanes; n > 0 && vectors {
		decodeBF16AVX2(&dst[0], &src[0], n)
		dst, src = dst[n:], src[2*n:]
	}
	plainDecodeBF16(dst, src)
}

func encodeF16(dst []byte, src []float32) {
	for ; len(src) > piece; dst, src = dst[2*piece:], src[piece:] {
		encodeF16Piece(dst, src[:piece])
	}
	encodeF16Piece(dst, src)
}

//go:noinline
func encodeF16Piece(dst []byte, src []float32) {
	if n := len(src) / lanes * lanes; n > 0 && vectors {
		encodeF16AVX2(&dst[0], &src[0], n)
		dst, src = dst[2*n:], src[n:]
	}
	plainEncodeF16(dst, src)
}

func encodeBF16(dst []byte, src []float32) {
	for ; len(src) > piece; dst, src = dst[2*piece:], src[piece:] {
		encodeBF16Piece(dst, src[:piece])
	}
	encodeBF16Piece(dst, src)
}

//go:noinline
func encodeBF16Piece(dst []byte, src []float32) {
	if n := len(src) / lanes * lanes; n > 0 && vectors {
		encodeBF16AVX2(&dst[0], &src[0], n)
		dst, src = dst[2*n:], src[n:]
	}
	plainEncodeBF16(dst, src)
}
