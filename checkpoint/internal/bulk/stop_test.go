//go:build !race

package bulk

// This file tests that the world can be stopped while a large copy is under way. It looks at the
// destination meanwhile, which the race detector would rightly report.

import (
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// A watched copy is repeated without end, the first and last word of the source being the
// number of the call.
type watched struct {
	dst, src []byte
	ended    atomic.Bool
}

// word is a place of b for a number.
func word(b []byte, at int) *uint32 { return (*uint32)(unsafe.Pointer(&b[at])) }

func (w *watched) repeat(way func(dst, src []byte)) {
	for n := uint32(1); !w.ended.Load(); n++ {
		*word(w.src, 0), *word(w.src, len(w.src)-4) = n, n
		way(w.dst, w.src)
	}
}

// underWay is the number of the call of which the first word has arrived and the last has not,
// 0 if that is none.
func (w *watched) underWay() uint32 {
	first, last := atomic.LoadUint32(word(w.dst, 0)), atomic.LoadUint32(word(w.dst, len(w.dst)-4))
	if first == last {
		return 0
	}
	return first
}

// stoppable reports whether the world was stopped within one call: it was under way before, and
// still is.
func (w *watched) stoppable() bool {
	var stats runtime.MemStats
	for atomic.LoadUint32(word(w.dst, 0)) < 500 {
		if n := w.underWay(); n > 0 {
			runtime.ReadMemStats(&stats) // stops the world
			if w.underWay() == n {
				return true
			}
		}
	}
	return false
}

// The collector has to stop the world, and must not wait for the end of a large copy.
func TestLargeCopiesCanBeStopped(t *testing.T) {
	if runtime.GOMAXPROCS(0) < 2 {
		t.Skip("needs a processor to stop the world from, besides the one that copies")
	}
	for name, way := range map[string]func(dst, src []byte){"Copy": Copy, "Stream": Stream} {
		t.Run(name, func(t *testing.T) {
			w := &watched{dst: make([]byte, 64*piece), src: make([]byte, 64*piece)}
			done := make(chan struct{})
			go func() {
				defer close(done)
				w.repeat(way)
			}()
			stopped := w.stoppable()
			w.ended.Store(true)
			<-done
			require.True(t, stopped, "the world was stopped only between calls")
		})
	}
}
