package bulk

// The benchmarks copy 256 MiB, far beyond the caches, in pieces, between memory that was
// touched before. The way "copy" is the floor to compare with: Go's copy of the same pieces.
// Behind tells how many bytes, but for whole pages, the source lies behind the destination.
//
// To compare ways on a machine that does other things too, run them in turns (-count) and
// look at the fastest of each.

import (
	"fmt"
	"sync"
	"testing"
)

const benchBytes = 256 << 20

func BenchmarkCopy(b *testing.B) {
	from, into := noise(benchBytes+4096), make([]byte, benchBytes)
	copy(into, from)
	for _, size := range []int{16 << 10, 64 << 10, 256 << 10, piece, 16 << 20, benchBytes} {
		for _, behind := range []int{0, 8} {
			src := from[(4096-behind)%4096:][:benchBytes]
			for _, goroutines := range []int{1, 2} {
				for _, way := range []struct {
					name string
					f    func(dst, src []byte)
				}{{"copy", copyPiece}, {"Copy", Copy}, {"Stream", Stream}} {
					b.Run(fmt.Sprintf("way=%s/piece=%d/behind=%d/goroutines=%d", way.name, size, behind, goroutines), func(b *testing.B) {
						b.SetBytes(benchBytes)
						for b.Loop() {
							share(goroutines, func(begin, end int) {
								for ; begin < end; begin += size {
									to := min(begin+size, end)
									way.f(into[begin:to], src[begin:to])
								}
							})
						}
					})
				}
			}
		}
	}
}

// share has n goroutines do one stretch of the bytes each.
func share(n int, do func(begin, end int)) {
	group := sync.WaitGroup{}
	defer group.Wait()
	for k := range n {
		group.Go(func() { do(benchBytes/n*k, benchBytes/n*(k+1)) })
	}
}
