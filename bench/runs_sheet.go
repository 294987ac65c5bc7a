package main

// This file is a table of -runs, and how its numbers are spelled.

import (
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// A sheet is a table with a title.
type sheet struct {
	title  string
	header []string
	rows   [][]string
	notes  []string // lines below
}

func (sh *sheet) add(cells ...string) { sh.rows = append(sh.rows, cells) }

func (sh *sheet) note(format string, args ...any) {
	sh.notes = append(sh.notes, fmt.Sprintf(format, args...))
}

// print prints the title, the table and the notes.
func (sh *sheet) print(out *printer, markdown bool) {
	t := table.NewWriter()
	t.Style().Format.Header = text.FormatDefault
	t.AppendHeader(cellsOf(sh.header))
	var right []table.ColumnConfig
	for column := 2; column <= len(sh.header); column++ {
		right = append(right, table.ColumnConfig{Number: column, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	t.SetColumnConfigs(right)
	for _, row := range sh.rows {
		t.AppendRow(cellsOf(row))
	}
	render := t.Render
	if markdown {
		render = t.RenderMarkdown
	}
	out.line("\n%s (times in ms)\n\n%s", sh.title, render())
	for _, note := range sh.notes {
		out.line("\n%s", note)
	}
}

func cellsOf(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, t := range texts {
		row[i] = t
	}
	return row
}

func ms(d time.Duration) string { return digits(float64(d) / float64(time.Millisecond)) }

func count0(n int) string { return strconv.Itoa(n) }

// ratio is a to b.
func ratio(a, b time.Duration) string { return digits(float64(a) / float64(b)) }

// rate is in GB/s.
func rate(bytes int64, d time.Duration) string { return digits(float64(bytes)/float64(d)) + " GB/s" }

// quantile is the value that so much of the samples do not exceed; 0 without any.
func quantile(samples []time.Duration, q float64) time.Duration {
	if len(samples) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(samples))
	return s[max(0, int(math.Ceil(q*float64(len(s))))-1)]
}

// median of an even number of samples is the lower of the middle two.
func median(samples []time.Duration) time.Duration { return quantile(samples, 0.5) }

// spread is the quartiles.
func spread(samples []time.Duration) string {
	return ms(quantile(samples, 0.25)) + " to " + ms(quantile(samples, 0.75))
}

func dirOf(path string) string { return filepath.Dir(path) }
