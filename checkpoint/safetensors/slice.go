package safetensors

// This file computes which bytes a slice of a tensor takes. It reads nothing.

import (
	"fmt"
	"math"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// An Index selects along one axis. Make one with All, At or Range.
type Index struct {
	kind   indexKind
	lo, hi int
}

type indexKind uint8

const (
	wholeAxis indexKind = iota
	oneIndex
	indexRange
)

// End is the end of an axis, as the upper bound of a Range.
const End = math.MaxInt

// All selects a whole axis.
func All() Index { return Index{} }

// At selects index i and drops the axis. A negative i counts from the end.
func At(i int) Index { return Index{kind: oneIndex, lo: i} }

// Range selects indexes lo to hi-1, as a slice expression of Python's does:
// negative bounds count from the end, bounds past the axis are cut to it, and
// lo at or past hi selects nothing.
func Range(lo, hi int) Index { return Index{kind: indexRange, lo: lo, hi: hi} }

// String prints the index as Python spells it.
func (ix Index) String() string {
	switch {
	case ix.kind == oneIndex:
		return fmt.Sprint(ix.lo)
	case ix.kind == wholeAxis:
		return ":"
	case ix.hi == End:
		return fmt.Sprintf("%d:", ix.lo)
	}
	return fmt.Sprintf("%d:%d", ix.lo, ix.hi)
}

// Slice selects along the first axes, one Index each; axes without one are taken
// whole. Nothing is read, and memory does not depend on the number of rows. A
// sub-byte tensor can be sliced where every run of elements begins and ends with
// a byte. Errors wrap ErrIndex or ErrMisaligned.
func (t Tensor) Slice(ix ...Index) (Tensor, error) {
	whole := t.layout()
	if len(ix) > len(whole.Axes) {
		return Tensor{}, t.errorf("%w: %d indexes for %d axes", ErrIndex, len(ix), len(whole.Axes))
	}
	part := strided.Layout{Start: whole.Start}
	for k, a := range whole.Axes {
		index := All()
		if k < len(ix) {
			index = ix[k]
		}
		lo, n, err := index.on(a.N)
		if err != nil {
			return Tensor{}, t.errorf("axis %d: %w", k, err)
		}
		part.Start += lo * a.Stride
		if index.kind != oneIndex {
			part.Axes = append(part.Axes, strided.Axis{N: n, Stride: a.Stride})
		}
	}
	if part.Elements() == 0 {
		part.Start = 0 // it may lie behind the tensor, and nothing is read there
	}
	if !alignedBytes(part, int64(t.DType().Bits())) {
		return Tensor{}, t.errorf("%w: slice %v of shape %v splits a byte of %s", ErrMisaligned, ix, t.Shape(), t.DType())
	}
	return Tensor{f: t.f, e: t.e, part: &part}, nil
}

// on resolves an index on an axis of n elements to its first one and how many.
func (ix Index) on(n int64) (lo, count int64, err error) {
	fromEnd := func(i int) int64 {
		if i < 0 {
			return int64(i) + n
		}
		return int64(i)
	}
	lo, hi := fromEnd(ix.lo), fromEnd(ix.hi)
	switch ix.kind {
	case wholeAxis:
		return 0, n, nil
	case oneIndex:
		if lo < 0 || lo >= n {
			return 0, 0, fmt.Errorf("%w: index %d on %d elements", ErrIndex, ix.lo, n)
		}
		return lo, 1, nil
	}
	lo, hi = min(max(lo, 0), n), min(max(hi, 0), n)
	return lo, max(hi-lo, 0), nil
}

// layout is what t selects of the stored tensor, in its elements.
func (t Tensor) layout() strided.Layout {
	if t.part != nil {
		return *t.part
	}
	return strided.RowMajor(t.Shape())
}

// alignedBytes reports whether every run of l begins and ends with a byte.
func alignedBytes(l strided.Layout, bits int64) bool {
	if bits%8 == 0 || l.Elements() == 0 {
		return true
	}
	outer, run := l.Runs()
	for _, a := range outer {
		if a.N > 1 && a.Stride*bits%8 != 0 {
			return false
		}
	}
	return l.Start*bits%8 == 0 && run*bits%8 == 0
}

// readRuns fills p with the bytes of l from offset off on, a call of readAt a
// run; readAt counts from the start of the stored tensor.
func readRuns(l strided.Layout, bits int64, p []byte, off int64, readAt func(p []byte, off int64) error) error {
	if len(p) == 0 {
		return nil
	}
	outer, elements := l.Runs()
	runBytes := elements * bits / 8
	for run, within := off/runBytes, off%runBytes; len(p) > 0; run, within = run+1, 0 {
		n := min(int64(len(p)), runBytes-within)
		if err := readAt(p[:n], l.RunStart(outer, run)*bits/8+within); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}
