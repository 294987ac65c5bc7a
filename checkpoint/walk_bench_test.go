package checkpoint

// This benchmark moves strided memory to packed bytes and back: it measures what a
// save and a load of it cost beyond their copy.

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

func BenchmarkWalk(b *testing.B) {
	const rows, columns, width = 2048, 2048, 4
	raw := bytes.Repeat([]byte{1}, rows*columns*width)
	whole := strided.RowMajor([]int64{rows, columns})
	short := strided.Layout{Axes: []strided.Axis{{N: rows * columns / 8, Stride: 8}, {N: 2, Stride: 4}, {N: 2, Stride: 2}}}
	for _, c := range []struct {
		name   string
		layout strided.Layout
	}{
		{"transposed", whole.Permute([]int{1, 0})},
		{"columns", strided.Layout{Axes: []strided.Axis{{N: rows, Stride: columns}, {N: columns / 2, Stride: 2}}}},
		{"half-rows", strided.Layout{Axes: []strided.Axis{{N: rows, Stride: columns}, {N: columns / 2, Stride: 1}}}},
		{"short-axes", short},
	} {
		for name, move := range map[string]func(*walker, []byte){"gather": (*walker).gather, "scatter": (*walker).scatter} {
			b.Run(fmt.Sprintf("layout=%s/%s", c.name, name), func(b *testing.B) {
				piece := make([]byte, castPiece*width)
				size := c.layout.Elements() * width
				b.SetBytes(size)
				for b.Loop() {
					w := newWalker(raw, width, c.layout)
					for left := size; left > 0; left -= int64(len(piece)) {
						piece = piece[:min(left, int64(len(piece)))]
						move(w, piece)
					}
					piece = piece[:cap(piece)]
				}
			})
		}
	}
}
