package main

// This file prints a report: a heading, and a table for each group.

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

const legend = `Times are of one call; GB/s (10^9 bytes a second) and ratios are of the least times, per byte.`

func (r *report) print(w io.Writer, markdown bool) error {
	out := &printer{w: w}
	out.line("%s", r.Command)
	out.line("")
	out.line("%s UTC on %s.", r.Date.Format("2006-01-02 15:04"), r.Machine)
	out.line("Model: %s of float32 in %d tensors. %s, interleaved. %s", humanize.IBytes(uint64(r.Bytes)), r.Tensors, count(r.Rounds, "round"), legend)
	for _, group := range r.groups() {
		out.line("")
		t := newTable(group)
		if markdown {
			out.line("%s", t.RenderMarkdown())
		} else {
			out.line("%s", t.Render())
		}
	}
	for _, reason := range r.skipped() {
		out.line("")
		out.line("Not run: %s.", reason)
	}
	return out.err
}

// skipped is the reasons why rows were not measured, each once.
func (r *report) skipped() []string {
	var reasons []string
	for _, result := range r.Rows {
		if result.Skipped != "" && !slices.Contains(reasons, result.Skipped) {
			reasons = append(reasons, result.Skipped)
		}
	}
	return reasons
}

// A printer keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format+"\n", args...)
	}
}

// groups are the rows of each group, in order.
func (r *report) groups() [][]*row {
	var all [][]*row
	for _, result := range r.Rows {
		last := len(all) - 1
		if last < 0 || all[last][0].group != result.Group {
			all, last = append(all, nil), last+1
		}
		all[last] = append(all[last], result.row)
	}
	return all
}

func newTable(rows []*row) table.Writer {
	t := table.NewWriter()
	t.Style().Format.Header = text.FormatDefault
	header := table.Row{rows[0].group, "GB/s", "least, ms", "median, ms", "to floor", "to kibisis"}
	counted := slices.ContainsFunc(rows, func(r *row) bool { return r.counted })
	if counted {
		header = append(header, "allocations")
	}
	t.AppendHeader(header)
	right := make([]table.ColumnConfig, 0, len(header)-1)
	for column := 2; column <= len(header); column++ {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, r := range rows {
		cells := r.cells()
		if counted {
			cells = append(cells, r.allocations())
		}
		t.AppendRow(cells)
	}
	return t
}

func (r *row) cells() table.Row {
	name := r.name
	if r == r.floor {
		name += " (floor)"
	}
	if r.skip != "" {
		return table.Row{name, "not run", "", "", "", ""}
	}
	speed := ""
	if r.bytes > 0 {
		speed = digits(float64(r.bytes) / float64(r.least()))
	}
	return table.Row{name, speed, milliseconds(r.least()), milliseconds(r.median()), r.ratio(r.floor), r.ratio(r.ours)}
}

// allocations is how many a call makes, "" where nobody counts.
func (r *row) allocations() string {
	if !r.counted {
		return ""
	}
	return strconv.FormatUint(r.allocs, 10)
}

// ratio is the time of r to that of the other row, per byte.
func (r *row) ratio(other *row) string {
	return digits(r.cost() / other.cost())
}

// cost is the least time of a call, or of a byte where calls move any.
func (r *row) cost() float64 {
	return float64(r.least()) / float64(max(r.bytes, 1))
}

func milliseconds(d time.Duration) string {
	return digits(float64(d) / float64(time.Millisecond))
}

// digits prints three that mean something, and no exponent.
func digits(x float64) string {
	if x < 0 {
		return "-" + digits(-x)
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'e', 2, 64), 64)
	if err != nil {
		return err.Error()
	}
	decimals := 0
	for limit := 100.0; rounded < limit && decimals < 6; limit /= 10 {
		decimals++
	}
	return strconv.FormatFloat(rounded, 'f', decimals, 64)
}
