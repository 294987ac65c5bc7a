// Package bulk copies large blocks of memory.
//
// [Copy] is right for everything. [Stream] is for much data that nobody reads soon:
// it goes past the caches, on processors where that is faster. Both may be called at
// the same time for destinations that do not overlap. A page of a mapping that cannot
// be read is a fault in either, as in Go's copy: see mmap.Guard.
package bulk

import "slices"

const (
	// piece is how many bytes are copied in one go. A goroutine inside one copy, or
	// inside assembly, cannot be stopped, so a copy of a gigabyte would hold up every
	// other goroutine that the collector waits for; between pieces it can.
	piece = 1 << 20
	// least is how many bytes [Stream] must be given to stream them. With less, filling
	// and draining the processor's write buffers takes what there is to gain.
	least = 64 << 10
)

// StreamTotal is from how many bytes on, copied in all, [Stream] is worth it.
const StreamTotal = 32 << 20

// Copy copies src to dst, which must be as long at least: a shorter one panics. The two
// must not overlap, unless they are the same memory.
func Copy(dst, src []byte) {
	dst = dst[:len(src)]
	for p := range slices.Chunk(src, piece) {
		copyPiece(dst, p)
		dst = dst[len(p):]
	}
}

// copyPiece is a call of its own: only at a call does the scheduler step in.
//
//go:noinline
func copyPiece(dst, src []byte) { copy(dst[:len(src)], src) }

// Stream is [Copy] with stores that leave dst in memory and not in the caches. It is
// slower than Copy, by up to half, where dst was never touched or lies in a cache, and where
// it is read right after. So it is for callers that know three things: dst is memory in use,
// such as that of a model; all they copy is [StreamTotal] or more, beyond the caches; and src
// is 64 KiB or more, for below that Stream only calls Copy.
//
// What is written is visible to other goroutines as after any write.
func Stream(dst, src []byte) {
	if len(src) < least {
		Copy(dst, src)
		return
	}
	dst = dst[:len(src)]
	for p := range slices.Chunk(src, piece) {
		streamPiece(dst, p)
		dst = dst[len(p):]
	}
}
