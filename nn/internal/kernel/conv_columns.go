package kernel

import "sync"

// This file is moving numbers between images, planes, columns and flat results.

// isDirect reports whether the images are their own columns: windows of one number everywhere.
func (c *Convolution[T]) isDirect() bool {
	return len(c.taps) == 1 && c.images == 1 && c.Stride == [2]int{1, 1} && c.Padding == [2]int{}
}

// isFlat reports whether the result is its own flat result.
func (c *Convolution[T]) isFlat() bool { return c.images == 1 && c.line == c.cols }

// channel is x from one of the channels of p on, of its i-th image.
func (c *Convolution[T]) channel(x []T, p part, i, channel int) []T {
	return x[((p.image+i)*c.C+p.group*c.in+p.channel+channel)*c.H*c.W:]
}

// output is y at one of the outputs of the group of p, of its i-th image.
func (c *Convolution[T]) output(y []T, p part, i, output int) []T {
	return row(y, (p.image+i)*c.Out+p.group*c.out+output, c.places())
}

// columns gives the columns of p, (channels and taps, width), and their leading dimension.
func (c *Convolution[T]) columns(s *scratch[T], x []T, p part) ([]T, int) {
	if c.isDirect() {
		return c.channel(x, p, 0, 0)[p.begin:], c.H * c.W
	}
	run, width := p.end-p.begin, p.width()
	s.columns = atLeast(s.columns, p.channels*len(c.taps)*width)
	planes := c.planes(s, run)
	for i := range p.images {
		for channel := range p.channels {
			c.spread(planes, c.channel(x, p, i, channel), p)
			for t := range c.taps {
				at := (channel*len(c.taps)+t)*width + i*run
				copy(s.columns[at:at+run], c.seen(planes, run, t))
			}
		}
	}
	return s.columns, width
}

// addColumns adds the gradient of columns, which s has, to that of the images.
func (c *Convolution[T]) addColumns(s *scratch[T], dx []T, p part) {
	run, width := p.end-p.begin, p.width()
	planes := c.planes(s, run)
	for i := range p.images {
		for channel := range p.channels {
			clear(planes)
			for t := range c.taps {
				at := (channel*len(c.taps)+t)*width + i*run
				to := c.seen(planes, run, t)
				addRow(to, to, s.columns[at:at+run])
			}
			c.gather(c.channel(dx, p, i, channel), planes, p)
		}
	}
}

// planes is memory for the planes of one channel, of so many places and the reach of the window.
func (c *Convolution[T]) planes(s *scratch[T], run int) []T {
	s.planes = atLeast(s.planes, c.Stride[0]*c.Stride[1]*(run+c.reach))
	return s.planes
}

// seen is the run of planes that a tap sees at all places.
func (c *Convolution[T]) seen(planes []T, run, t int) []T {
	tap := c.taps[t]
	return planes[tap.plane*(run+c.reach)+tap.offset:][:run]
}

// spread lays a channel out on planes, with zeros around it.
func (c *Convolution[T]) spread(planes, x []T, p part) {
	clear(planes)
	stride := c.Stride[1]
	c.eachRun(p, func(to, from, n int) {
		if stride == 1 {
			copy(planes[to:to+n], x[from:from+n])
			return
		}
		for i := range planes[to : to+n] {
			planes[to+i] = x[from+i*stride]
		}
	})
}

// gather adds to a channel what lies on its planes.
func (c *Convolution[T]) gather(x, planes []T, p part) {
	stride := c.Stride[1]
	c.eachRun(p, func(to, from, n int) {
		if stride == 1 {
			addRow(x[from:from+n], x[from:from+n], planes[to:to+n])
			return
		}
		for i, v := range planes[to : to+n] {
			x[from+i*stride] += v
		}
	})
}

// eachRun calls f for the runs of planes that have numbers of a channel: n numbers from the one at
// from on, at a distance of the stride.
func (c *Convolution[T]) eachRun(p part, f func(to, from, n int)) {
	size := p.end - p.begin + c.reach
	for plane := range c.Stride[0] * c.Stride[1] {
		top := first(plane/c.Stride[1], c.Padding[0], c.Stride[0])
		left := first(plane%c.Stride[1], c.Padding[1], c.Stride[1])
		inset := (left + c.Padding[1]) / c.Stride[1]
		length := (c.W - left + c.Stride[1] - 1) / c.Stride[1]
		for y := top; y < c.H; y += c.Stride[0] {
			start := (y+c.Padding[0])/c.Stride[0]*c.line + inset
			begin, end := max(start, p.begin), min(start+length, p.begin+size)
			if begin < end {
				f(plane*size+begin-p.begin, y*c.W+left+(begin-start)*c.Stride[1], end-begin)
			}
		}
	}
}

// first is the first number of those whose place, counted with the padding, has this phase.
func first(phase, padding, stride int) int {
	return ((phase-padding)%stride + stride) % stride
}

// flatResult is where the product of p goes, (outputs, width), and its leading dimension.
func (c *Convolution[T]) flatResult(s *scratch[T], y []T, p part) ([]T, int) {
	if c.isFlat() {
		return y[(p.image*c.Out+p.group*c.out)*c.places()+p.begin:], c.places()
	}
	s.wide = atLeast(s.wide, c.out*p.width())
	return s.wide, p.width()
}

// narrow copies a flat result to y.
func (c *Convolution[T]) narrow(y, wide []T, p part) {
	run := p.end - p.begin
	for o := range c.out {
		for i := range p.images {
			y, wide := c.output(y, p, i, o), wide[o*p.width()+i*run:]
			c.eachRow(p, func(flat, place, n int) { copy(y[place:place+n], wide[flat:flat+n]) })
		}
	}
}

// widen gives dy as the gradient of the flat result, and its leading dimension.
func (c *Convolution[T]) widen(s *scratch[T], dy []T, p part) ([]T, int) {
	wide, ld := c.flatResult(s, dy, p)
	if c.isFlat() {
		return wide, ld
	}
	clear(wide)
	run := p.end - p.begin
	for o := range c.out {
		for i := range p.images {
			dy, wide := c.output(dy, p, i, o), wide[o*p.width()+i*run:]
			c.eachRow(p, func(flat, place, n int) { copy(wide[flat:flat+n], dy[place:place+n]) })
		}
	}
	return wide, ld
}

// eachRow calls f for the rows, or parts of rows, of the result in p: n numbers.
func (c *Convolution[T]) eachRow(p part, f func(flat, place, n int)) {
	for y := p.begin / c.line; y*c.line < p.end; y++ {
		begin, end := max(p.begin, y*c.line), min(p.end, y*c.line+c.cols)
		if begin < end {
			f(begin-p.begin, y*(c.cols-c.line)+begin, end-begin)
		}
	}
}

// scratch is the memory that one unit of work needs.
type scratch[T Float] struct {
	columns, planes, wide []T
}

// spare is scratch memory that nobody uses: as much as was ever used at once.
type spare[T Float] struct {
	mu   sync.Mutex
	free []*scratch[T]
}

func (s *spare[T]) take() *scratch[T] {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.free); n > 0 {
		last := s.free[n-1]
		s.free = s.free[:n-1]
		return last
	}
	return new(scratch[T])
}

func (s *spare[T]) give(x *scratch[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, x)
}

// atLeast is buf of n elements, or new memory where it is too small.
func atLeast[T any](buf []T, n int) []T {
	if cap(buf) < n {
		return make([]T, n)
	}
	return buf[:n]
}
