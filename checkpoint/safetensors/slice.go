package safetensors

// This file computes which elements a slice of a tensor takes. It reads nothing.

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// Slice selects along the axes, one Index each, as NumPy does: axes without one are
// taken whole, At drops its axis, and one Ellipsis may stand for all axes that the
// other indexes leave. Slices of slices are slices, with the axes of the one sliced.
//
// Nothing is read, and memory does not depend on the number of rows. Reading a slice
// reads its own bytes. Where the file is neither mapped nor in memory, runs of them
// that lie near each other come with one call, in pieces of at most 1 MiB, and what
// lies between them is passed over: at most 16 KiB from one run to the next, or as
// much as the reader's method ReadGap() int says where it has one (bytes; for a
// server, what it sends in the time that a request takes).
//
// A sub-byte tensor can be sliced where every run of elements begins and ends with
// a byte; runs of elements taken backwards, or with a step, are single elements.
//
// Errors wrap ErrIndex (an index out of range, more indexes than axes, two
// ellipses, a step that cannot be) or ErrMisaligned.
func (t Tensor) Slice(ix ...Index) (Tensor, error) {
	whole := t.layout()
	full, err := spelledOut(ix, len(whole.Axes))
	if err != nil {
		return Tensor{}, t.errorf("%w", err)
	}
	part, err := selected(whole, full)
	if err != nil {
		return Tensor{}, t.errorf("%w", err)
	}
	if _, ok := part.Bytes(t.bits()); !ok {
		return Tensor{}, t.errorf("%w: slice %s of shape %v splits a byte of %s", ErrMisaligned, subscript(ix), t.Shape(), t.DType())
	}
	return Tensor{f: t.f, e: t.e, part: &part}, nil
}

func (t Tensor) bits() int64 { return int64(t.DType().Bits()) }

// spelledOut gives each of the axes its index.
func spelledOut(ix []Index, axes int) ([]Index, error) {
	isEllipsis := func(i Index) bool { return i.kind == ellipsis }
	before, behind := ix, []Index{}
	if at := slices.IndexFunc(ix, isEllipsis); at >= 0 {
		before, behind = ix[:at], ix[at+1:]
		if ix[at] != Ellipsis() {
			return nil, fmt.Errorf("%w: an ellipsis with a step in %s", ErrIndex, subscript(ix))
		}
	}
	if slices.ContainsFunc(behind, isEllipsis) {
		return nil, fmt.Errorf("%w: more than one ellipsis in %s", ErrIndex, subscript(ix))
	}
	left := axes - len(before) - len(behind)
	if left < 0 {
		return nil, fmt.Errorf("%w: %d indexes for %d axes", ErrIndex, len(before)+len(behind), axes)
	}
	return slices.Concat(before, make([]Index, left), behind), nil // the zero Index takes all
}

// subscript prints indexes as Python spells them between brackets.
func subscript(ix []Index) string {
	texts := make([]string, len(ix))
	for k := range ix {
		texts[k] = ix[k].String()
	}
	return "[" + strings.Join(texts, ", ") + "]"
}

// selected applies an index to each axis of a layout.
func selected(whole strided.Layout, ix []Index) (strided.Layout, error) {
	part := strided.Layout{Start: whole.Start}
	for k, a := range whole.Axes {
		first, n, err := ix[k].on(a.N)
		if err != nil {
			return part, fmt.Errorf("axis %d: %w", k, err)
		}
		part.Start += first * a.Stride
		if ix[k].kind == oneIndex {
			continue
		}
		stride := a.Stride * ix[k].step() // wraps only where nothing is stepped over
		part.Axes = append(part.Axes, strided.Axis{N: n, Stride: stride})
	}
	if part.Elements() == 0 {
		part.Start = 0 // it may lie behind the tensor, and nothing is read there
	}
	return part, nil
}

// layout is what t selects of the stored tensor, in its elements.
func (t Tensor) layout() strided.Layout {
	if t.part != nil {
		return *t.part
	}
	var dims []int64 // cut only where there are no elements: their bits fit 64 bits
	t.f.h.dimsOf(t.e, func(dim uint64) { dims = append(dims, int64(min(dim, math.MaxInt64))) })
	return strided.RowMajor(dims)
}
