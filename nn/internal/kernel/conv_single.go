package kernel

// This file is convolutions whose groups have one output, such as depthwise ones. A product with one
// row would read its columns but once, so there are none: numbers are taken from the planes.

// forwardSingle is forward for one output. beta is 0 where wide begins with zeros, which are not there
// yet, and 1 where it begins with the bias.
func (c *Convolution[T]) forwardSingle(s *scratch[T], p part, beta T, wide, x, w []T) {
	if beta == 0 {
		clear(wide[:p.width()])
	}
	run := p.end - p.begin
	planes := c.planes(s, run)
	for i := range p.images {
		to := wide[i*run : (i+1)*run]
		for channel := range p.channels {
			c.spread(planes, c.channel(x, p, i, channel), p)
			for t := range c.taps {
				axpyRow(to, w[channel*len(c.taps)+t], c.seen(planes, run, t))
			}
		}
	}
}

// backwardSingle is backward for one output. dw and w are those of the channels of p.
func (c *Convolution[T]) backwardSingle(s *scratch[T], p part, first bool, dx, dw, x, w, wide []T) {
	run := p.end - p.begin
	planes := c.planes(s, run)
	if first && dw != nil {
		clear(dw[:p.channels*len(c.taps)])
	}
	for i := range p.images {
		dy := wide[i*run : (i+1)*run]
		for channel := range p.channels {
			weights := channel * len(c.taps)
			if dw != nil {
				c.spread(planes, c.channel(x, p, i, channel), p)
				for t := range c.taps {
					dw[weights+t] += T(dotPiece(dy, c.seen(planes, run, t)))
				}
			}
			if dx != nil {
				clear(planes)
				for t := range c.taps {
					axpyRow(c.seen(planes, run, t), w[weights+t], dy)
				}
				c.gather(c.channel(dx, p, i, channel), planes, p)
			}
		}
	}
}
