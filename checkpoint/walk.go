package checkpoint

// This file moves elements between strided memory and packed row-major bytes,
// the order of a file.

import "github.com/fb777929/kibisis/checkpoint/internal/strided"

// A walker steps through strided memory in row-major order. It remembers where
// it is, so elements can be moved a piece at a time.
type walker struct {
	raw   []byte
	width int64 // bytes an element

	layout strided.Layout
	outer  []strided.Axis // one segment for each of their indexes
	n      int64          // elements a segment
	stride int64          // elements from one to the next within it

	segment, within int64 // the next element
}

func newWalker(raw []byte, width int64, l strided.Layout) *walker {
	w := &walker{raw: raw, width: width, layout: l, stride: 1}
	w.outer, w.n = l.Runs()
	if last := len(w.outer) - 1; w.n == 1 && last >= 0 {
		w.n, w.stride = w.outer[last].N, w.outer[last].Stride
		w.outer = w.outer[:last]
	}
	return w
}

// gather fills dst with the next elements.
func (w *walker) gather(dst []byte) {
	w.walk(len(dst), func(packed, raw, n int64) {
		moveElements(dst[packed:], w.width, w.raw[raw:], w.stride*w.width, n, w.width)
	})
}

// scatter sets the next elements from src.
func (w *walker) scatter(src []byte) {
	w.walk(len(src), func(packed, raw, n int64) {
		moveElements(w.raw[raw:], w.stride*w.width, src[packed:], w.width, n, w.width)
	})
}

// walk steps over the next elements, packed into size bytes, and calls move with
// the byte offsets of each piece of a segment and its number of elements.
func (w *walker) walk(size int, move func(packed, raw, n int64)) {
	for packed := int64(0); packed < int64(size); {
		n := min(w.n-w.within, (int64(size)-packed)/w.width)
		start := w.layout.RunStart(w.outer, w.segment) + w.within*w.stride
		move(packed, start*w.width, n)
		packed += n * w.width
		if w.within += n; w.within == w.n {
			w.segment, w.within = w.segment+1, 0
		}
	}
}

// moveElements copies n elements of width bytes; strides are in bytes.
func moveElements(dst []byte, dstStride int64, src []byte, srcStride, n, width int64) {
	if dstStride == width && srcStride == width {
		copy(dst[:n*width], src)
		return
	}
	switch width { // constant widths compile to single moves
	case 1:
		for i := range n {
			dst[i*dstStride] = src[i*srcStride]
		}
	case 2:
		for i := range n {
			copy(dst[i*dstStride:][:2], src[i*srcStride:][:2])
		}
	case 4:
		for i := range n {
			copy(dst[i*dstStride:][:4], src[i*srcStride:][:4])
		}
	default: // 8, the widest
		for i := range n {
			copy(dst[i*dstStride:][:8], src[i*srcStride:][:8])
		}
	}
}
