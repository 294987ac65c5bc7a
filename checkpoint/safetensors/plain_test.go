package safetensors

// This file is slicing again, as the simplest code that is right does it.

import "slices"

// A plain is a tensor as the simplest code that is right keeps it: one number an
// element, which is its place in the stored tensor.
type plain struct {
	shape  []int
	places []int
}

func newPlain(shape []int) plain {
	p := plain{shape: shape, places: make([]int, product(shape))}
	for i := range p.places {
		p.places[i] = i
	}
	return p
}

func product(shape []int) int {
	n := 1
	for _, dim := range shape {
		n *= dim
	}
	return n
}

// slice selects as Python does.
func (p plain) slice(ix []Index) (plain, error) {
	ix, err := p.spelledOut(ix)
	if err != nil {
		return p, err
	}
	keep := make([][]int, len(p.shape)) // the indexes selected on each axis
	var shape []int
	for k, n := range p.shape {
		if ix[k].step() == 0 {
			return p, ErrIndex
		}
		keep[k] = kept(ix[k], n)
		if ix[k].kind != oneIndex {
			shape = append(shape, len(keep[k]))
		} else if len(keep[k]) == 0 {
			return p, ErrIndex
		}
	}
	out := plain{shape: shape}
	p.walk(keep, 0, 0, func(at int) { out.places = append(out.places, p.places[at]) })
	return out, nil
}

// spelledOut replaces an ellipsis by All as often as there are axes left.
func (p plain) spelledOut(ix []Index) ([]Index, error) {
	if !slices.ContainsFunc(ix, func(i Index) bool { return i.kind == ellipsis }) {
		ix = append(slices.Clone(ix), Ellipsis())
	}
	var full []Index
	seen := false
	for _, i := range ix {
		switch {
		case i.kind != ellipsis:
			full = append(full, i)
		case seen || i != Ellipsis():
			return nil, ErrIndex
		default:
			seen = true
			for range len(p.shape) + 1 - len(ix) {
				full = append(full, All())
			}
		}
	}
	if len(full) > len(p.shape) {
		return nil, ErrIndex
	}
	return full, nil
}

// kept are the indexes that an Index selects of n, in order: those that lie in it
// and that its step reaches from the first.
func kept(index Index, n int) (list []int) {
	for i := range n {
		if index.step() < 0 {
			i = n - 1 - i
		}
		if selects(index, i, n) {
			list = append(list, i)
		}
	}
	if len(list) == 0 || index.kind == oneIndex && index.step() != 1 {
		return nil
	}
	first := list[0]
	return slices.DeleteFunc(list, func(i int) bool { return (i-first)%int(index.step()) != 0 })
}

// selects reports whether i lies within an Index on n elements, whatever its step.
func selects(index Index, i, n int) bool {
	fromEnd := func(at int) int {
		if at < 0 && at != Begin {
			return at + n
		}
		return at
	}
	switch {
	case index.kind == oneIndex:
		return i == fromEnd(index.lo)
	case index.kind == wholeAxis:
		return true
	case index.step() < 0:
		return i <= fromEnd(index.lo) && i > fromEnd(index.hi)
	}
	return i >= fromEnd(index.lo) && i < fromEnd(index.hi)
}

func (p plain) walk(keep [][]int, axis, at int, visit func(at int)) {
	if axis == len(p.shape) {
		visit(at)
		return
	}
	for _, i := range keep[axis] {
		p.walk(keep, axis+1, at*p.shape[axis]+i, visit)
	}
}

// runs are the pieces of the stored tensor that p takes, as first place and
// number of elements, no two of which touch.
func (p plain) runs() (runs [][2]int) {
	for _, at := range p.places {
		if n := len(runs); n > 0 && runs[n-1][0]+runs[n-1][1] == at {
			runs[n-1][1]++
		} else {
			runs = append(runs, [2]int{at, 1})
		}
	}
	return runs
}

// splitsByte reports whether a run begins or ends within a byte.
func (p plain) splitsByte(bits int) bool {
	return slices.ContainsFunc(p.runs(), func(run [2]int) bool { return run[0]*bits%8 != 0 || run[1]*bits%8 != 0 })
}

// bytes are p's elements, taken from the bytes of the stored tensor.
func (p plain) bytes(stored []byte, bits int) []byte {
	out := []byte{}
	for _, run := range p.runs() {
		out = append(out, stored[run[0]*bits/8:(run[0]+run[1])*bits/8]...)
	}
	return out
}
