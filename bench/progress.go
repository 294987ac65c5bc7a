package main

// This file is the bar that people see who run the program by hand.

import (
	"io"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// newBar draws a bar of the given number of steps on w, if w is a terminal, and
// nothing if not. The caller calls tick after each step, and done at the end.
func newBar(w io.Writer, steps int) (tick, done func()) {
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
	bar := bars.AddBar(int64(steps),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name("measuring")),
		mpb.AppendDecorators(decor.Percentage(), decor.Name(", "), decor.AverageETA(decor.ET_STYLE_GO), decor.Name(" left")))
	return bar.Increment, func() {
		bar.Abort(true) // no effect on a bar that is complete
		bars.Wait()
	}
}
