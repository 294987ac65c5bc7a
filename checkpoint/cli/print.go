package cli

// This file prints a listing for people, as tables.

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
)

// longest is how many bytes of a metadata value are shown.
const longest = 200

// printTables prints the tensors, the metadata and the totals.
func printTables(ctx context.Context, w *bufio.Writer, l *listing, styled bool) error {
	tables := []table{l.tensorTable(), l.totalTable()}
	if keys := l.keys(); len(keys) > 0 {
		tables = append(tables, l.metadataTable(keys))
	}
	for i, t := range tables {
		if i > 0 {
			fmt.Fprintln(w)
		}
		if err := t.write(ctx, w, styled); err != nil {
			return err
		}
	}
	if n := l.checksums(); n > 0 {
		fmt.Fprintf(w, "\n%s of %s tensors have a checksum: kibisis verify --checksums compares them\n", comma(n), comma(int64(l.f.Len())))
	}
	return nil
}

func (l *listing) tensorTable() table {
	t := table{
		head:  []string{"name", "dtype", "shape", "bytes", "offset"},
		right: []bool{false, false, false, true, true, false, false},
	}
	if l.isSet {
		t.head = append(t.head, "file")
	}
	if len(l.aliases) > 0 {
		t.head = append(t.head, "aliases")
	}
	t.rows = mapped(l.rows(), l.cells)
	return t
}

// cells are those of a tensor, under the headings of tensorTable.
func (l *listing) cells(r row) []string {
	cells := []string{escape(r.Name), r.DType, spellShape(r.Shape), comma(r.Bytes), comma(r.Offset)}
	if l.isSet {
		cells = append(cells, escape(r.File))
	}
	if len(l.aliases) > 0 {
		cells = append(cells, spellNames(r.Aliases))
	}
	return cells
}

func (l *listing) totalTable() table {
	return table{
		head:  []string{"dtype", "tensors", "parameters", "bytes", "size"},
		right: []bool{false, true, true, true, true},
		rows: mapped(slices.Values(l.totals()), func(t total) []string {
			return []string{t.dtype, comma(t.tensors), comma(t.parameters), comma(t.bytes), humanize.IBytes(uint64(t.bytes))}
		}),
	}
}

func (l *listing) metadataTable(keys []string) table {
	return table{
		head:  []string{"metadata", "value"},
		right: []bool{false, false},
		rows: mapped(slices.Values(keys), func(key string) []string {
			return []string{escape(key), spellValue(l.metadata[key])}
		}),
	}
}

func comma(n int64) string { return humanize.Comma(n) }

// spellShape spells a shape as the header does, "[784,10]": one word.
func spellShape(shape []int) string {
	b := []byte{'['}
	for i, dim := range shape {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(dim), 10)
	}
	return string(append(b, ']'))
}

func spellNames(names []string) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = escape(name)
	}
	return strings.Join(words, " ")
}

// spellValue cuts a long value, and says so.
func spellValue(value string) string {
	if len(value) <= longest {
		return escape(value)
	}
	begin := strings.ToValidUTF8(value[:longest], "")
	return fmt.Sprintf("%s... (%s bytes, --json has them all)", escape(begin), comma(int64(len(value))))
}

func mapped[T, U any](seq iter.Seq[T], f func(T) U) iter.Seq[U] {
	return func(yield func(U) bool) {
		for v := range seq {
			if !yield(f(v)) {
				return
			}
		}
	}
}
