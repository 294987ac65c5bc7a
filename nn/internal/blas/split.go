package blas

// This file cuts a product into blocks.

const (
	// edge is what the sides of a block are multiples of: libraries compute that many rows
	// or columns of C at a time, and are slower and differ in bits at ragged edges.
	edge = 16
	// fewBlocks is what a product is cut into at most, and manyBlocks where even then a block
	// has much work: each packs its part of A and of B anew, which costs OpenBLAS a tenth.
	fewBlocks, manyBlocks = 16, 64
	// much is multiplications: some ms.
	much = 1 << 26
	// leastOfVector is the multiplications of the smallest block where A or B is a vector,
	// and memory takes longer than arithmetic. routines.least is it for matrices.
	leastOfVector = 1 << 17
)

// split gives rows and columns of a block of C [m, n] = A [m, k] * B [k, n], by halving the
// longer side while blocks are larger than they need be.
func split(m, n, k, least int) (rows, cols int) {
	rows, cols = max(1, m), max(1, n)
	if rows == 1 || cols == 1 {
		least = min(least, leastOfVector)
	}
	size := func() int64 { return int64(rows) * int64(cols) * int64(k) } // int may have 32 bits
	work := size()
	enough := max(int64(least), min(work/fewBlocks, max(much, work/manyBlocks)))
	for size() >= 2*enough {
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
