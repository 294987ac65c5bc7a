package strided

// This file turns a layout of elements into runs of bytes, and counts them.

// Runs are the bytes of an array, in the order of its elements: pieces of equal
// length, each in one piece in memory, at places that axes step through. Make
// them with Layout.Bytes.
type Runs struct {
	start int64  // the first byte of the first run
	axes  []Axis // outermost first, in bytes; no axis of one index, no two that one could replace
	size  int64  // bytes a run
	// inner[k] is what axes[k:] span; the last is a single run.
	inner []block
}

// A block is what some inner axes span from their first run on.
type block struct {
	runs   int64
	lo, hi int64 // its lowest byte and the end of its highest, from the first run's first byte
	gap    int64 // the most bytes that lie unused between neighbours along one of its axes
}

// Bytes gives the bytes of a layout whose elements have that many bits. It
// reports false where a run of elements begins or ends within a byte.
func (l Layout) Bytes(bits int64) (Runs, bool) {
	if l.Elements() == 0 {
		return Runs{size: 1, inner: []block{{}}}, true
	}
	axes := joined(l.Axes)
	run := int64(1)
	if last := len(axes) - 1; last >= 0 && axes[last].Stride == 1 {
		run, axes = axes[last].N, axes[:last]
	}
	whole := wholeBytes(l.Start, bits) && wholeBytes(run, bits)
	for k, a := range axes {
		whole = whole && wholeBytes(a.Stride, bits)
		axes[k].Stride = InBytes(a.Stride, bits)
	}
	if !whole {
		return Runs{}, false
	}
	r := Runs{start: InBytes(l.Start, bits), axes: axes, size: InBytes(run, bits)}
	r.span()
	return r, true
}

// joined returns new axes for the same elements in the same order: the fewest.
func joined(axes []Axis) []Axis {
	var fewest []Axis
	for _, a := range axes {
		last := len(fewest) - 1
		switch {
		case a.N == 1:
		case last >= 0 && fewest[last].Stride == a.N*a.Stride:
			fewest[last] = Axis{fewest[last].N * a.N, a.Stride}
		default:
			fewest = append(fewest, a)
		}
	}
	return fewest
}

func wholeBytes(elements, bits int64) bool { return elements%8*bits%8 == 0 }

// InBytes is how many bytes that many elements take; bits is the size of one.
// The product may need more than 63 bits where the result does not.
func InBytes(elements, bits int64) int64 { return elements/8*bits + elements%8*bits/8 }

// span fills in r.inner, from the single run outward.
func (r *Runs) span() {
	r.inner = make([]block, len(r.axes)+1)
	b := block{runs: 1, hi: r.size}
	r.inner[len(r.axes)] = b
	for k := len(r.axes) - 1; k >= 0; k-- {
		a := r.axes[k]
		b.gap = max(b.gap, r.between(k))
		b = b.repeated(a.N, a.Stride)
		r.inner[k] = b
	}
}

// between is how many bytes lie between neighbours along an axis; not more than 0
// where they touch or overlap.
func (r Runs) between(axis int) int64 {
	b := r.inner[axis+1]
	return abs(r.axes[axis].Stride) - (b.hi - b.lo)
}

// repeated is n of b, each stride bytes from the one before it.
func (b block) repeated(n, stride int64) block {
	b.runs *= n
	b.lo += min((n-1)*stride, 0)
	b.hi += max((n-1)*stride, 0)
	return b
}

func abs(n int64) int64 { return max(n, -n) }

// Len is how many bytes there are.
func (r Runs) Len() int64 { return r.inner[0].runs * r.size }

// Extent returns the lowest byte and the end of the highest; 0 and 0 where there
// are none.
func (r Runs) Extent() (lo, hi int64) { return r.start + r.inner[0].lo, r.start + r.inner[0].hi }

// at is the first byte of run i.
func (r Runs) at(i int64) int64 {
	at := r.start
	for k := len(r.axes) - 1; k >= 0; k-- {
		a := r.axes[k]
		at += i % a.N * a.Stride
		i /= a.N
	}
	return at
}
