package blas

// This file cuts a product into blocks.

const (
	// edge is what the sides of a block are multiples of: libraries compute that many rows
	// or columns of C at a time, and are slower and differ in bits at ragged edges.
	edge = 16
	// leastWork is the multiplications below which a block is not cut again: some 10 us.
	leastWork = 1 << 19
	// mostBlocks is what a product is cut into at most: enough for any number of cores to
	// end at about the same time, and few enough that A and B are not packed too often.
	mostBlocks = 32
)

// split gives rows and columns of a block of C [m, n] = A [m, k] * B [k, n], by halving the
// longer side.
func split(m, n, k int) (rows, cols int) {
	rows, cols = max(1, m), max(1, n)
	enough := max(leastWork, rows*cols*k/mostBlocks)
	for rows*cols*k >= 2*enough {
		switch {
		case rows >= cols && rows > edge:
			rows = half(rows)
		case cols > edge:
			cols = half(cols)
		default:
			return rows, cols
		}
	}
	return rows, cols
}

func half(n int) int {
	return ceil(n, 2*edge) * edge
}
