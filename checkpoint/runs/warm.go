package runs

// This file has the memory for copies ready before the first copy: a system hands out memory when it is first
// written to, which would be while the loop waits, and takes longer than the copy.

import (
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// warmPiece is how many bytes are made ready at a time.
const warmPiece = 8 << 20

// warmUp is called at the end of the first step that is not saved: before it, solvers have no slots.
func (r *Run) warmUp() {
	if r.warmed || r.snaps.buffer != nil {
		return
	}
	r.warmed = true
	c, err := newCapture(r.parts, r.memo)
	if err != nil {
		return // which the first save says
	}
	sn, err := r.snaps.plan(c, r.step, r.best)
	if err != nil {
		return // so is this
	}
	sn.forget()
	r.snaps.warming = warm(r.snaps.buffer)
}

// A warming is memory that is being made ready in the background.
type warming struct {
	stop chan struct{}
	done sync.WaitGroup
}

func warm(b []byte) *warming {
	w := &warming{stop: make(chan struct{})}
	w.done.Go(func() {
		for len(b) > 0 {
			select {
			case <-w.stop:
				return
			default:
			}
			n := min(len(b), warmPiece)
			fsys.Populate(b[:n])
			b = b[n:]
		}
	})
	return w
}

// end returns when the memory is not touched any more.
func (w *warming) end() {
	if w == nil {
		return
	}
	close(w.stop)
	w.done.Wait()
}
