package cli

// This file draws a bar while much is read.

import (
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// barFrom is how many bytes are worth a bar; less is read before one is seen.
const barFrom = 256 << 20

// terminal reports whether a person is looking at what goes to w.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && cwriter.IsTerminal(int(f.Fd()))
}

// newBar draws a bar of total bytes on w, if that is a terminal and they are
// many. The caller calls add, from any goroutine, for what has been read, and
// done, which removes the bar, at the end.
func newBar(w io.Writer, name string, total int64) (add func(n int64), done func()) {
	if !terminal(w) || total < barFrom {
		return func(int64) {}, func() {}
	}
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
	bar := bars.AddBar(total,
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(escape(name)+" "), decor.CountersKibiByte("% .1f of % .1f")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(", "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left")))
	return bar.IncrInt64, func() {
		bar.Abort(true) // no effect on a bar that is complete
		bars.Wait()
	}
}
