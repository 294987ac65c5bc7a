// Package progress draws the bar of a training: where it is, and what of it is saved.
package progress

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// Bar is on the screen until Done. Its methods may be called from any goroutine.
type Bar struct {
	bars  *mpb.Progress
	bar   *mpb.Bar
	saved atomic.Int64
	done  func()
}

// New draws a bar of the given number of steps on w, if w is a terminal, and nothing if not.
func New(w io.Writer, name string, steps int64) *Bar {
	b := &Bar{bars: mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))}
	b.bar = b.bars.AddBar(steps,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name)),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(func(decor.Statistics) string {
			return fmt.Sprintf(", saved step %d", b.saved.Load())
		})))
	b.done = sync.OnceFunc(func() {
		b.bar.Abort(true) // no effect on a bar that is complete
		b.bars.Wait()
	})
	return b
}

// At moves the bar to a step, also back.
func (b *Bar) At(step int64) { b.bar.SetCurrent(step) }

// Saved says that a step is on the disk.
func (b *Bar) Saved(step int64) { b.saved.Store(step) }

// Done removes the bar. It may be called again.
func (b *Bar) Done() { b.done() }
