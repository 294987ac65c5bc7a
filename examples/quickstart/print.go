package main

// This file is what people look at: the bar while training, and the table of what was saved.

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
)

// newBar draws a bar of the given number of steps, so many of which are done, on w,
// if w is a terminal, and nothing if not; saved is the newest step on the disk. The caller
// calls tick after each step, and done, which removes the bar, at the end; done may be called again.
func newBar(w io.Writer, name string, steps, at int, saved *atomic.Int64) (tick, done func()) {
	bars := mpb.New(mpb.WithOutput(w), mpb.WithWidth(64))
	bar := bars.AddBar(int64(steps),
		mpb.BarRemoveOnComplete(),
		mpb.PrependDecorators(decor.Name(name)),
		mpb.AppendDecorators(decor.Percentage(), decor.Any(func(decor.Statistics) string {
			return fmt.Sprintf(", saved step %d", saved.Load())
		})))
	bar.SetCurrent(int64(at))
	return bar.Increment, sync.OnceFunc(func() {
		bar.Abort(true) // no effect on a bar that is complete
		bars.Wait()
	})
}

// printFile opens the file, of which that reads only the header, and lists the tensors in it.
func printFile(w io.Writer, path string) error {
	f, err := safetensors.Open(path, nil)
	if err != nil {
		return err
	}
	defer f.Close()

	list, total := table.NewWriter(), int64(0)
	list.SetColumnConfigs([]table.ColumnConfig{{Name: "bytes", Align: text.AlignRight, AlignFooter: text.AlignRight}})
	list.AppendHeader(table.Row{"name", "dtype", "shape", "bytes"})
	for name, t := range f.All() {
		list.AppendRow(table.Row{name, t.DType().String(), fmt.Sprint(t.Shape()), humanize.Comma(t.Size())})
		total += t.Size()
	}
	list.AppendFooter(table.Row{"total", "", "", humanize.Comma(total)})
	fmt.Fprintln(w, list.Render())
	fmt.Fprintf(w, "in Python: from safetensors.numpy import load_file; weights = load_file(%q)\n", path)
	return nil
}
