// Package bulk copies large blocks of memory.
package bulk

import "slices"

// piece is how many bytes are copied in one go. A goroutine inside one copy cannot
// be stopped, so a copy of a gigabyte would hold up every other goroutine that the
// collector waits for; between pieces it can.
const piece = 1 << 20

// Copy copies src to dst, which must be as long at least.
func Copy(dst, src []byte) {
	for p := range slices.Chunk(src, piece) {
		copyPiece(dst, p)
		dst = dst[len(p):]
	}
}

// copyPiece is a call of its own: only at a call does the scheduler step in.
//
//go:noinline
func copyPiece(dst, src []byte) { copy(dst[:len(src)], src) }
