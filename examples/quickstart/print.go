package main

// This file is the table of what was saved.

import (
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

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
