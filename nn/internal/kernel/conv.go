package kernel

import (
	"github.com/fb777929/kibisis/nn/internal/blas"
	"github.com/fb777929/kibisis/nn/internal/workers"
)

// This file is the shape of convolutions and how they are cut into products.
//
// A convolution is the product of the weights (outputs, depth) and the columns (depth, places),
// where depth counts the numbers that one window sees. To make columns fast, each channel is
// first laid out on planes with the padding around it, one plane for each phase of the stride.
// There what one number of the window sees at all places is one run of memory, if places are
// counted in rows as long as those of the plane. Such places are called flat here. The few
// between the end of a row of the result and the next are computed and thrown away; in gradients
// they are zeros.

// Conv is the shape of a convolution of N images of C channels. Pairs are of rows and columns; in
// one dimension there is one row.
type Conv struct {
	N, C, H, W                        int
	Out, Groups                       int
	Window, Stride, Padding, Dilation [2]int
}

// Size is the rows and columns of the result: 0 where the window does not fit.
func (k Conv) Size() (rows, cols int) {
	return places(k.H, k.Dilation[0]*(k.Window[0]-1)+1, k.Stride[0], k.Padding[0]),
		places(k.W, k.Dilation[1]*(k.Window[1]-1)+1, k.Stride[1], k.Padding[1])
}

// places is how often a window fits into n numbers and the padding at both ends.
func places(n, window, stride, padding int) int {
	if free := n + 2*padding - window; free >= 0 {
		return free/stride + 1
	}
	return 0
}

// A Convolution computes one convolution and its gradients. It keeps the memory that this takes: some
// columns for each core, and up to 16 sums of the weights' gradient.
type Convolution[T Float] struct {
	Conv
	rows, cols int   // of the result
	in, out    int   // channels of a group
	taps       []tap // of a window
	line       int   // flat places from one row to the next
	flat       int   // flat places of an image
	reach      int   // of the last tap
	images     int   // of one product
	tile       int   // flat places of one product, of each image
	spare      spare[T]
	sums       []T // of the weights' gradient, for each block of images
}

// tap is one number of a window: the plane that it looks at, and how far in.
type tap struct{ plane, offset int }

// A product has columns of about columnSize numbers, which is what a core's caches hold, and is leastTile
// places wide where there are as many, for otherwise packing the weights costs too much.
const (
	columnSize = 1 << 17
	leastTile  = 256
)

// NewConvolution prepares for a shape whose Size is above 0.
func NewConvolution[T Float](k Conv) *Convolution[T] {
	c := &Convolution[T]{Conv: k, in: k.C / k.Groups, out: k.Out / k.Groups}
	c.rows, c.cols = k.Size()
	c.line = c.cols
	if c.rows > 1 || k.Window[0] > 1 {
		c.line = max(c.cols, c.planeLine())
	}
	c.flat = (c.rows-1)*c.line + c.cols
	for i := range k.Window[0] {
		for j := range k.Window[1] {
			y, x := i*k.Dilation[0], j*k.Dilation[1]
			c.taps = append(c.taps, tap{
				plane:  y%k.Stride[0]*k.Stride[1] + x%k.Stride[1],
				offset: y/k.Stride[0]*c.line + x/k.Stride[1],
			})
		}
	}
	c.reach = c.taps[len(c.taps)-1].offset
	most := max(leastTile, columnSize/c.depth()/16*16)
	tiles := (c.flat + most - 1) / most
	c.tile = min(c.flat, ((c.flat+tiles-1)/tiles+15)/16*16)
	c.images = max(1, min(most/c.flat, k.N/16))
	return c
}

// planeLine is the length of a row of a plane. With stride 1, the padding at the end of a row is that
// at the beginning of the next.
func (c *Convolution[T]) planeLine() int {
	if c.Stride[1] == 1 {
		return c.W + c.Padding[1]
	}
	return (c.W + 2*c.Padding[1] + c.Stride[1] - 1) / c.Stride[1]
}

// depth is the numbers that a window sees.
func (c *Convolution[T]) depth() int { return c.in * len(c.taps) }

// places is the places of a result.
func (c *Convolution[T]) places() int { return c.rows * c.cols }

// part is what one product is of: some images, channels of a group and flat places.
type part struct {
	image, images     int
	group             int
	channel, channels int // of those of the group
	begin, end        int
}

// width is the columns.
func (p part) width() int { return p.images * (p.end - p.begin) }

// eachTile calls f for the tiles of some images, in order.
func (c *Convolution[T]) eachTile(p part, f func(part)) {
	for p.begin = 0; p.begin < c.flat; p.begin = p.end {
		p.end = min(c.flat, p.begin+c.tile)
		f(p)
	}
}

// set is the i-th group of images that share a product.
func (c *Convolution[T]) set(i int) (first, count int) {
	first = i * c.images
	return first, min(c.images, c.N-first)
}

// sets is how many of these there are.
func (c *Convolution[T]) sets() int { return (c.N + c.images - 1) / c.images }

// multiply is a product of which several are in work at once, or none other.
func multiply[T Float](alone bool, transA, transB bool, m, n, k int, a []T, lda int, b []T, ldb int, beta T, c []T, ldc int) {
	if alone {
		blas.Gemm(transA, transB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
		return
	}
	blas.GemmSerial(transA, transB, m, n, k, 1, a, lda, b, ldb, beta, c, ldc)
}

// Forward computes y (N, Out, rows, cols) of x (N, C, H, W), w (Out, C/Groups, window) and bias
// (Out), which may be nil.
func (c *Convolution[T]) Forward(y, x, w, bias []T) {
	tiles := (c.flat + c.tile - 1) / c.tile
	units := c.sets() * tiles * c.Groups
	workers.Run(units, func(u int) {
		p := part{group: u % c.Groups, channels: c.in}
		p.begin = u / c.Groups % tiles * c.tile
		p.end = min(c.flat, p.begin+c.tile)
		p.image, p.images = c.set(u / c.Groups / tiles)
		s := c.spare.take()
		c.forward(s, p, units == 1, y, x, w, bias)
		c.spare.give(s)
	})
}

func (c *Convolution[T]) forward(s *scratch[T], p part, alone bool, y, x, w, bias []T) {
	wide, ldw := c.flatResult(s, y, p)
	beta := T(0)
	if bias != nil {
		beta = 1
		for o := range c.out {
			fill(wide[o*ldw:o*ldw+p.width()], bias[p.group*c.out+o])
		}
	}
	depth := c.depth()
	w = w[p.group*c.out*depth:]
	if c.out == 1 {
		c.forwardSingle(s, p, beta, wide, x, w)
	} else {
		columns, ldc := c.columns(s, x, p)
		multiply(alone, false, false, c.out, p.width(), depth, w, depth, columns, ldc, beta, wide, ldw)
	}
	if !c.isFlat() {
		c.narrow(y, wide, p)
	}
}

// fill makes all of y the number x.
func fill[T Float](y []T, x T) {
	y[0] = x
	for n := 1; n < len(y); n *= 2 {
		copy(y[n:], y[:n])
	}
}
