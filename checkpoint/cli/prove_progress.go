package cli

// This file draws a bar of time.

import (
	"io"
	"sync/atomic"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// newProveBar draws how much of the budget is used up on w, if that is a terminal, and the trial that
// was observed last. done removes it.
func newProveBar(w io.Writer, budget time.Duration) (observe func(trial string), done func()) {
	if !terminal(w) {
		return func(string) {}, func() {}
	}
	var trial atomic.Value
	trial.Store("")
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
	bar := bars.AddBar(budget.Milliseconds(),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Any(func(decor.Statistics) string { return trial.Load().(string) + " " }, decor.WC{C: decor.DindentRight, W: 26})),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(" of "+budget.String())))
	ticks := time.NewTicker(100 * time.Millisecond)
	stop := make(chan struct{})
	began := time.Now()
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-ticks.C:
				// Not to its end, which would remove it: the last trial may take a little longer.
				bar.SetCurrent(min(time.Since(began).Milliseconds(), budget.Milliseconds()-1))
			}
		}
	}()
	return func(name string) { trial.Store(name) }, func() {
		ticks.Stop()
		close(stop)
		bar.Abort(true)
		bars.Wait()
	}
}
