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
	if len(ix) > len(p.shape) {
		return p, ErrIndex
	}
	keep := make([][]int, len(p.shape)) // the indexes selected on each axis
	var shape []int
	for k, n := range p.shape {
		index := All()
		if k < len(ix) {
			index = ix[k]
		}
		for i := range n {
			if selects(index, i, n) {
				keep[k] = append(keep[k], i)
			}
		}
		if index.kind != oneIndex {
			shape = append(shape, len(keep[k]))
		} else if len(keep[k]) == 0 {
			return p, ErrIndex
		}
	}
	out := plain{shape: shape}
	p.walk(keep, 0, 0, func(at int) { out.places = append(out.places, p.places[at]) })
	return out, nil
}

func selects(index Index, i, n int) bool {
	fromEnd := func(at int) int {
		if at < 0 {
			return at + n
		}
		return at
	}
	switch index.kind {
	case oneIndex:
		return i == fromEnd(index.lo)
	case indexRange:
		return i >= fromEnd(index.lo) && i < fromEnd(index.hi)
	}
	return true
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
