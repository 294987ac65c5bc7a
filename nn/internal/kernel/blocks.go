package kernel

import "github.com/fb777929/kibisis/nn/internal/workers"

// This file is about how much of a computation is one block, which one core does in one go.

const (
	// light is the elements of a block where each costs an instruction or two.
	light = 1 << 15
	// heavy is the elements of a block where each costs an exponential.
	heavy = 1 << 12
	// most is the largest number of blocks whose partial results are kept until all are done.
	most = 32
)

// unary does y and x in blocks of size elements: with the loop where it is there, else with f.
func unary[T Float](y, x []T, size int, loop loop2, f func(y, x []T)) {
	if len(x) <= size {
		if !loop.run(single(y), single(x[:len(y)]), len(y)) {
			f(y, x)
		}
		return
	}
	workers.Blocks(len(x), size, func(begin, end int) {
		unary(y[begin:end], x[begin:end], size, loop, f)
	})
}

// binary does y, a and b as unary does two.
func binary[T Float](y, a, b []T, size int, loop loop3, f func(y, a, b []T)) {
	if len(y) <= size {
		if !loop.run(single(y), single(a[:len(y)]), single(b[:len(y)]), len(y)) {
			f(y, a, b)
		}
		return
	}
	workers.Blocks(len(y), size, func(begin, end int) {
		binary(y[begin:end], a[begin:end], b[begin:end], size, loop, f)
	})
}

// eachRow calls f for all rows, those of about size elements in one block.
func eachRow(rows, width, size int, f func(row int)) {
	workers.Blocks(rows, max(1, size/max(1, width)), func(begin, end int) {
		for row := begin; row < end; row++ {
			f(row)
		}
	})
}

// row is the i-th row of a matrix.
func row[T Float](x []T, i, width int) []T { return x[i*width : (i+1)*width] }

// rowBlock is how many rows are one block where each block has a partial result as wide as a
// row: no more than most blocks, and a multiple of 16 rows each.
func rowBlock(rows int) int {
	return max(1, (rows+16*most-1)/(16*most)) * 16
}
