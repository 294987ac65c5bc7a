package safetensors

// This file is the indexes that slices are made with, and what one selects on an
// axis.

import (
	"fmt"
	"math"
	"strconv"
)

// An Index selects along one axis, or along several as Ellipsis does. Make one with
// All, At, Range or Ellipsis, and give it a step with By. The zero Index is All.
type Index struct {
	kind   indexKind
	lo, hi int
	skip   int // the step less 1, so that the zero Index has step 1
}

type indexKind uint8

const (
	wholeAxis indexKind = iota
	oneIndex
	indexRange
	ellipsis
)

// Bounds of a Range that stand for an end of the axis, as a bound that is left out
// does in Python. With a negative step an axis is walked from End to Begin.
const (
	Begin = math.MinInt
	End   = math.MaxInt
)

// All selects a whole axis: Python's [:].
func All() Index { return Index{} }

// At selects index i and drops the axis. A negative i counts from the end.
func At(i int) Index { return Index{kind: oneIndex, lo: i} }

// Range selects indexes lo to hi-1, as a slice expression of Python's does:
// negative bounds count from the end, bounds past the axis are cut to it, and
// lo at or past hi selects nothing.
func Range(lo, hi int) Index { return Index{kind: indexRange, lo: lo, hi: hi} }

// Ellipsis selects all of the axes, none or more, that the other indexes of a slice
// leave: Python's "...".
func Ellipsis() Index { return Index{kind: ellipsis} }

// By returns the index with a step: every step-th of the indexes, beginning with
// the first, as in Python. A negative step walks backwards, from lo down to hi+1:
// All().By(-1) is [::-1], Range(End, Begin).By(-2) is [::-2], Range(7, 2).By(-1) is
// [7:2:-1]. Slicing refuses a step of 0, and one for At or Ellipsis.
func (ix Index) By(step int) Index {
	ix.skip = step - 1
	return ix
}

func (ix Index) step() int64 { return int64(ix.skip + 1) }

// String prints the index as Python spells it.
func (ix Index) String() string {
	switch ix.kind {
	case oneIndex:
		return strconv.Itoa(ix.lo) + ix.stepText()
	case ellipsis:
		return "..." + ix.stepText()
	case wholeAxis:
		return ":" + ix.stepText()
	}
	begin, end := Begin, End
	if ix.step() < 0 {
		begin, end = End, Begin
	}
	bound := func(at, unless int) string {
		if at == unless {
			return ""
		}
		return strconv.Itoa(at)
	}
	return bound(ix.lo, begin) + ":" + bound(ix.hi, end) + ix.stepText()
}

func (ix Index) stepText() string {
	if ix.step() == 1 {
		return ""
	}
	return ":" + strconv.FormatInt(ix.step(), 10)
}

// on resolves an index on an axis of n elements to its first one and how many.
func (ix Index) on(n int64) (first, count int64, err error) {
	step := ix.step()
	switch {
	case ix.kind == oneIndex && step != 1:
		return 0, 0, fmt.Errorf("%w: index %d with step %d", ErrIndex, ix.lo, step)
	case ix.kind == oneIndex:
		at := fromEnd(ix.lo, n)
		if at < 0 || at >= n {
			return 0, 0, fmt.Errorf("%w: index %d on %d elements", ErrIndex, ix.lo, n)
		}
		return at, 1, nil
	case step == 0:
		return 0, 0, fmt.Errorf("%w: step 0 in %s", ErrIndex, ix)
	case step < 0:
		first, count = ix.backwards(n, step)
		return first, count, nil
	}
	lo, hi := ix.bounds(Begin, End)
	first = min(max(fromEnd(lo, n), 0), n)
	last := min(max(fromEnd(hi, n), 0), n) - 1
	if first > last {
		return first, 0, nil
	}
	return first, (last-first)/step + 1, nil
}

// backwards is on for a negative step: from lo down to the last one above hi.
func (ix Index) backwards(n, step int64) (first, count int64) {
	lo, hi := ix.bounds(End, Begin)
	first = min(max(fromEnd(lo, n), -1), n-1)
	last := min(max(fromEnd(hi, n), -1), n-1) + 1
	if first < last {
		return 0, 0
	}
	return first, (first-last)/-step + 1 // the smallest int is its own negative, and divides as well
}

// bounds are lo and hi, those of a whole axis as given.
func (ix Index) bounds(lo, hi int) (int, int) {
	if ix.kind == wholeAxis {
		return lo, hi
	}
	return ix.lo, ix.hi
}

// fromEnd counts a negative index from the end of an axis. Begin and End stay
// outside of any axis, also of one longer than int counts.
func fromEnd(i int, n int64) int64 {
	switch {
	case i == End:
		return math.MaxInt64
	case i == Begin:
		return math.MinInt64
	case i < 0:
		return int64(i) + n
	}
	return int64(i)
}
