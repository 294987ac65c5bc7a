//go:build !purego && !race && !msan && !asan

package bulk

// This file decides which of the two loops of stream_amd64.s copies what. Race detector and
// sanitizers cannot see what assembly writes, so builds with them use copy.

import (
	"unsafe"

	"github.com/klauspost/cpuid/v2"
	"golang.org/x/sys/cpu"
)

const (
	line  = 64          // bytes of a cache line, which a streamed store must fill
	run   = 4 * line    // what streamRuns copies at a time
	page  = 4096        // not the system's: what streamPages takes as one, a power of 2
	block = 4 * page    // what streamPages copies at a time
	near  = page - 1024 // see streamPiece
)

var (
	// streams says that the processor has what the loops need.
	streams = cpu.X86.HasAVX2
	// always says that the loops are faster than copy for whole pieces too. From a piece on
	// copy streams by itself, which on AMD is as fast and on Intel is not.
	always = cpuid.CPU.IsVendor(cpuid.Intel)
)

// streamPages copies n bytes, a multiple of block, not 0. dst is at a multiple of line. It
// takes a line of each of four pages in turn, which keeps more of the memory's banks busy.
//
//go:noescape
func streamPages(dst, src *byte, n int)

// streamRuns copies n bytes, a multiple of run, not 0, in order. dst is at a multiple of line.
//
//go:noescape
func streamRuns(dst, src *byte, n int)

// streamPiece copies src to dst, which is as long at least.
//
// Processors compare the lower twelve bits of the address of a load with those of the stores
// before it that are not finished. Where src is, but for whole pages, less than a KiB behind
// dst, each load of streamPages so resembles a store of each of its four pages, and waits
// for it: that takes eight times as long. streamRuns does not mind.
//
//go:noinline
func streamPiece(dst, src []byte) {
	dst = dst[:len(src)]
	if !streams || !always && len(src) >= piece {
		copy(dst, src)
		return
	}
	head := min(int(-address(dst)%line), len(src))
	copy(dst[:head], src)
	dst, src = dst[head:], src[head:]
	if n := len(src) / block * block; n > 0 && (address(src)-address(dst))%page < near {
		streamPages(&dst[0], &src[0], n)
		dst, src = dst[n:], src[n:]
	}
	if n := len(src) / run * run; n > 0 {
		streamRuns(&dst[0], &src[0], n)
		dst, src = dst[n:], src[n:]
	}
	copy(dst, src)
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
