package kernel

import "github.com/fb777929/kibisis/nn/internal/workers"

// This file is sums and products of vectors. Results may be the very slices of operands, never
// parts of them.

// Add writes a + b to y.
func Add[T Float](y, a, b []T) {
	if len(y) <= light {
		addRow(y, a, b)
		return
	}
	workers.Blocks(len(y), light, func(begin, end int) { addRow(y[begin:end], a[begin:end], b[begin:end]) })
}

// AddTo adds x to y.
func AddTo[T Float](y, x []T) {
	Add(y, y, x)
}

// Mul writes a * b, element by element, to y.
func Mul[T Float](y, a, b []T) {
	if len(y) <= light {
		mulRow(y, a, b)
		return
	}
	workers.Blocks(len(y), light, func(begin, end int) { mulRow(y[begin:end], a[begin:end], b[begin:end]) })
}

// Scale writes c*x to y.
func Scale[T Float](y, x []T, c T) {
	if len(x) <= light {
		scaleRow(y, x, c)
		return
	}
	workers.Blocks(len(x), light, func(begin, end int) { scaleRow(y[begin:end], x[begin:end], c) })
}

// Axpy adds c*x to y.
func Axpy[T Float](y []T, c T, x []T) {
	if len(x) <= light {
		axpyRow(y, c, x)
		return
	}
	workers.Blocks(len(x), light, func(begin, end int) { axpyRow(y[begin:end], c, x[begin:end]) })
}

// AddRows writes x, of rows rows, to y, with bias of one row added to each.
func AddRows[T Float](y, x, bias []T, rows, width int) {
	eachRow(rows, width, light, func(i int) {
		addRow(row(y, i, width), row(x, i, width), bias)
	})
}

// SumRows writes the sum of the rows of x to dst, which is one row.
func SumRows[T Float](dst, x []T, rows, width int) {
	size := rowBlock(rows)
	sumBlocks(rows, size, width, dst, func(sum []T, begin, end int) {
		for i := begin; i < end; i++ {
			addRow(sum, sum, row(x, i, width))
		}
	})
}

// sumBlocks has f add blocks of size rows to sums that begin as zeros, and writes the sum of
// those, taken in order, to dst.
func sumBlocks[T Float](rows, size, width int, dst []T, f func(sum []T, begin, end int)) {
	clear(dst)
	if rows <= size {
		f(dst, 0, rows)
		return
	}
	withScratch((rows+size-1)/size*width, func(sums []T) {
		workers.Blocks(rows, size, func(begin, end int) { f(row(sums, begin/size, width), begin, end) })
		for ; len(sums) > 0; sums = sums[width:] {
			AddTo(dst, sums[:width])
		}
	})
}

// Dot is the sum of a * b.
func Dot[T Float](a, b []T) T {
	if len(a) <= light {
		return T(dotPiece(a, b))
	}
	return T(sumOf(len(a), func(begin, end int) float64 { return dotPiece(a[begin:end], b[begin:end]) }))
}

// Sum is the sum of x.
func Sum[T Float](x []T) T {
	if len(x) <= light {
		return T(sumPiece(x))
	}
	return T(sumOf(len(x), func(begin, end int) float64 { return sumPiece(x[begin:end]) }))
}

// SumSquares is the sum of the squares of x, in float64 all the way.
func SumSquares[T Float](x []T) float64 {
	if len(x) <= light {
		return sumSquaresPiece(x)
	}
	return sumOf(len(x), func(begin, end int) float64 { return sumSquaresPiece(x[begin:end]) })
}

// sumOf adds, in order, what f gives for the blocks of n elements.
func sumOf(n int, f func(begin, end int) float64) float64 {
	sums := make([]float64, (n+light-1)/light)
	workers.Blocks(n, light, func(begin, end int) { sums[begin/light] = f(begin, end) })
	return sumPiece(sums)
}

func addRow[T Float](y, a, b []T) {
	if !fast.add.run(single(y), single(a[:len(y)]), single(b[:len(y)]), len(y)) {
		addPlain(y, a, b)
	}
}

func addPlain[T Float](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] + b[i]
	}
}

func mulRow[T Float](y, a, b []T) {
	if !fast.mul.run(single(y), single(a[:len(y)]), single(b[:len(y)]), len(y)) {
		mulPlain(y, a, b)
	}
}

func mulPlain[T Float](y, a, b []T) {
	a, b = a[:len(y)], b[:len(y)]
	for i := range y {
		y[i] = a[i] * b[i]
	}
}

func scaleRow[T Float](y, x []T, c T) {
	if start := single(y); start != nil && fast.scale != nil {
		fast.scale(start, single(x[:len(y)]), float32(c), len(y))
		return
	}
	scalePlain(y, x, c)
}

func scalePlain[T Float](y, x []T, c T) {
	x = x[:len(y)]
	for i := range y {
		y[i] = c * x[i]
	}
}

func axpyRow[T Float](y []T, c T, x []T) {
	if start := single(y); start != nil && fast.axpy != nil {
		fast.axpy(start, single(x[:len(y)]), float32(c), len(y))
		return
	}
	axpyPlain(y, c, x)
}

func axpyPlain[T Float](y []T, c T, x []T) {
	x = x[:len(y)]
	for i := range y {
		y[i] += c * x[i]
	}
}
