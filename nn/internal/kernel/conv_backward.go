package kernel

import "github.com/fb777929/kibisis/nn/internal/workers"

// This file is the gradients of convolutions.
//
// The work is cut into blocks of images and, where those are few, of input channels. A block makes
// the sums of its images, and these are added in order.

const (
	// enoughUnits keeps several times as many cores busy as training on CPUs usually has.
	enoughUnits = 16
	// mostSums bounds the numbers of all blocks' sums together, if one sum is not larger.
	mostSums = 1 << 22
	// leastDepth is the rows of columns that are not cut further.
	leastDepth = 64
)

// Backward computes those of the gradients dx, dw and dbias that are not nil, of the gradient dy
// of the result.
func (c *Convolution[T]) Backward(dx, dw, dbias, x, w, dy []T) {
	if dbias != nil {
		c.sumPlaces(dbias, dy)
	}
	if dx == nil && dw == nil {
		return
	}
	perBlock, perUnit := c.cut()
	blocks, slices := (c.sets()+perBlock-1)/perBlock, (c.in+perUnit-1)/perUnit
	units := blocks * c.Groups * slices
	sums := dw
	if dw != nil && blocks > 1 {
		c.sums = atLeast(c.sums, blocks*len(dw))
		sums = c.sums
	}
	workers.Run(units, func(u int) {
		p := part{group: u / slices % c.Groups, channel: u % slices * perUnit}
		p.channels = min(perUnit, c.in-p.channel)
		block := u / slices / c.Groups
		var sum []T
		if dw != nil {
			sum = row(sums, block, len(dw))
		}
		s := c.spare.take()
		for i := block * perBlock; i < min(c.sets(), (block+1)*perBlock); i++ {
			p.image, p.images = c.set(i)
			first := i == block*perBlock
			c.clearImages(dx, p)
			c.eachTile(p, func(p part) {
				c.backward(s, p, units == 1, first && p.begin == 0, dx, sum, x, w, dy)
			})
		}
		c.spare.give(s)
	})
	if dw != nil && blocks > 1 {
		addSums(dw, sums)
	}
}

// cut is the sets of images in a block and the channels in a unit.
func (c *Convolution[T]) cut() (sets, channels int) {
	size := c.Out * c.depth()
	blocks := max(1, min(c.sets(), enoughUnits, mostSums/size))
	sets = (c.sets() + blocks - 1) / blocks
	slices := (enoughUnits + blocks*c.Groups - 1) / (blocks * c.Groups)
	channels = max((c.in+slices-1)/slices, leastDepth/len(c.taps), 1)
	return sets, channels
}

// backward adds to the gradients what a part gives. The first part of a sum writes it.
func (c *Convolution[T]) backward(s *scratch[T], p part, alone, first bool, dx, dw, x, w, dy []T) {
	wide, ldw := c.widen(s, dy, p)
	depth, rows := c.depth(), p.channels*len(c.taps)
	at := p.group*c.out*depth + p.channel*len(c.taps)
	if c.out == 1 {
		c.backwardSingle(s, p, first, dx, from(dw, at), x, w[at:], wide)
		return
	}
	if dw != nil {
		columns, ldc := c.columns(s, x, p)
		beta := T(1)
		if first {
			beta = 0
		}
		multiply(alone, false, true, c.out, rows, p.width(), wide, ldw, columns, ldc, beta, dw[at:], depth)
	}
	if dx == nil {
		return
	}
	if c.isDirect() {
		to := c.channel(dx, p, 0, 0)[p.begin:]
		multiply(alone, true, false, rows, p.width(), c.out, w[at:], depth, wide, ldw, 0, to, c.H*c.W)
		return
	}
	s.columns = atLeast(s.columns, rows*p.width())
	multiply(alone, true, false, rows, p.width(), c.out, w[at:], depth, wide, ldw, 0, s.columns, p.width())
	c.addColumns(s, dx, p)
}

// clearImages zeroes the gradient of the images of p, to which its tiles add.
func (c *Convolution[T]) clearImages(dx []T, p part) {
	if dx == nil || c.isDirect() && c.out > 1 {
		return
	}
	for i := range p.images {
		clear(c.channel(dx, p, i, 0)[:p.channels*c.H*c.W])
	}
}

// addSums adds sums of the size of y, in order.
func addSums[T Float](y, sums []T) {
	workers.Blocks(len(y), light/8, func(begin, end int) {
		copy(y[begin:end], sums[begin:end])
		for at := len(y); at < len(sums); at += len(y) {
			addRow(y[begin:end], y[begin:end], sums[at+begin:at+end])
		}
	})
}

// sumPlaces writes the sum over images and places of each channel of dy to dbias.
func (c *Convolution[T]) sumPlaces(dbias, dy []T) {
	size := c.places()
	eachRow(c.Out, c.N*size, light, func(o int) {
		sum := 0.0
		for i := range c.N {
			sum += sumPiece(row(dy, i*c.Out+o, size))
		}
		dbias[o] = T(sum)
	})
}

// from is x from an element on, or nil.
func from[T Float](x []T, at int) []T {
	if x == nil {
		return nil
	}
	return x[at:]
}
