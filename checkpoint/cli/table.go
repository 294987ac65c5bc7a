package cli

// This file prints columns. It is no library's because those hold the whole table
// and pad every row to the longest cell: with one name of a megabyte among
// 100,000 that is 100 GB. This one goes twice over the rows, holds none of them,
// and lets long cells stick out.

import (
	"bufio"
	"context"
	"iter"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// widest is the width up to which a column makes room for its cells; 64 holds
// the names of large language models.
const widest = 64

// A table is columns with a heading each.
type table struct {
	head  []string
	right []bool // numbers: aligned to the right
	rows  iter.Seq[[]string]
}

// write prints the table, with its heading in bold if styled. It stops when ctx
// is done.
func (t table) write(ctx context.Context, w *bufio.Writer, styled bool) error {
	width := t.widths()
	head := t.line(t.head, width)
	if styled {
		head = text.Bold.Sprint(head)
	}
	if _, err := w.WriteString(head + "\n"); err != nil {
		return writing(err)
	}
	for cells := range t.rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.WriteString(t.line(cells, width) + "\n"); err != nil {
			return writing(err)
		}
	}
	return nil
}

// widths is how wide each column is.
func (t table) widths() []int {
	width := make([]int, len(t.head))
	widen := func(cells []string) {
		for i, cell := range cells {
			if n := text.StringWidthWithoutEscSequences(cell); n <= widest {
				width[i] = max(width[i], n)
			}
		}
	}
	widen(t.head)
	for cells := range t.rows {
		widen(cells)
	}
	return width
}

// line puts cells side by side, without blanks at the end.
func (t table) line(cells []string, width []int) string {
	var b strings.Builder
	for i, cell := range cells {
		pad := strings.Repeat(" ", max(0, width[i]-text.StringWidthWithoutEscSequences(cell)))
		if t.right[i] {
			b.WriteString(pad + cell + "  ")
		} else {
			b.WriteString(cell + pad + "  ")
		}
	}
	return strings.TrimRight(b.String(), " ")
}
