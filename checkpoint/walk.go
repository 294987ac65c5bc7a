package checkpoint

// This file moves elements between strided memory and packed row-major bytes,
// the order of a file.

import "github.com/fb777929/kibisis/checkpoint/internal/strided"

// A walker steps through strided memory in row-major order. It remembers where
// it is, so elements can be moved a piece at a time.
type walker struct {
	raw  []byte
	runs strided.Runs
	off  int64 // bytes moved
}

// newWalker walks over the elements of l, each of width bytes, the first of them
// all at the begin of raw.
func newWalker(raw []byte, width int64, l strided.Layout) *walker {
	runs, _ := l.Bytes(8 * width) // whole bytes have no fractions
	return &walker{raw: raw, runs: runs}
}

// gather fills dst with the next elements.
func (w *walker) gather(dst []byte) {
	w.runs.Gather(dst, w.raw, 0, w.off)
	w.off += int64(len(dst))
}

// scatter sets the next elements from src.
func (w *walker) scatter(src []byte) {
	w.runs.Scatter(w.raw, src, 0, w.off)
	w.off += int64(len(src))
}
