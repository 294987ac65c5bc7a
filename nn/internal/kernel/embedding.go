package kernel

// This file is rows of a table by their numbers.

import "github.com/fb777929/kibisis/nn/internal/workers"

// Gather writes row index[i] of table, of rows of that width, to row i of y.
func Gather[T Float](y, table []T, index []int, width int) {
	workers.Blocks(len(index), max(1, light/width), func(begin, end int) {
		for i := begin; i < end; i++ {
			copy(row(y, i, width), row(table, index[i], width))
		}
	})
}

// GatherGrad writes, to each row of dtable, the sum of those rows of dy whose index it is, in
// their order. Rows of the index skip are left out.
func GatherGrad[T Float](dtable, dy []T, index []int, width, skip int) {
	workers.Blocks(len(dtable), light, func(begin, end int) { clear(dtable[begin:end]) })
	// Blocks are columns, so that no two add to one row, and the order is that of the rows.
	columns := max(16, light/len(index))
	workers.Blocks(width, columns, func(begin, end int) {
		for i, at := range index {
			if at != skip {
				to := dtable[at*width+begin : at*width+end]
				addRow(to, to, dy[i*width+begin:i*width+end])
			}
		}
	})
}
