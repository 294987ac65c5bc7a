package strided

// This file decides which runs are read with one call, for memory that is behind
// calls: a file, a server.

// A Batch is some bytes of an array, one behind the other in its order, and the
// piece of memory [Lo, Hi) that holds all of them.
type Batch struct {
	Len    int64 // bytes of the array
	Lo, Hi int64
	// OneRun says that the piece of memory is those bytes and no others, in order.
	OneRun bool
}

// Batch returns a batch from byte off on, of at most n bytes, that is worth one
// call: at most gap unused bytes lie between two of its runs, and the piece of
// memory has at most most bytes. Long runs come alone, or as much of one as n
// allows, whatever most is: a call costs no more than copying them once more. Long
// is gap bytes, and at least 4 KiB.
func (r Runs) Batch(off, n, gap, most int64) Batch {
	b := r.part(off, n, gap, most)
	if r.size >= max(gap, longRun) {
		return b
	}
	for b.Len < n {
		next := r.part(off+b.Len, n-b.Len, gap, most)
		both := b.and(next)
		if max(next.Lo-b.Hi, b.Lo-next.Hi) > gap || both.Hi-both.Lo > most {
			break
		}
		b = both
	}
	return b
}

func (b Batch) and(next Batch) Batch {
	return Batch{Len: b.Len + next.Len, Lo: min(b.Lo, next.Lo), Hi: max(b.Hi, next.Hi)}
}

// part is a batch of the simplest form: a piece of a run, or whole runs. Where two
// parts meet there may be less than gap between them.
func (r Runs) part(off, n, gap, most int64) Batch {
	run, within := off/r.size, off%r.size
	at := r.at(run) + within
	if within > 0 || n < r.size || r.size >= max(gap, longRun) {
		n = min(n, r.size-within)
		return Batch{n, at, at + n, true}
	}
	b := r.blockAt(run, n/r.size, gap, most)
	return Batch{b.runs * r.size, at + b.lo, at + b.hi, b.runs == 1}
}

// blockAt is as large a block as begins with a run and has at most n of them: all
// of some inner axes, and some indexes of the next one.
func (r Runs) blockAt(run, n, gap, most int64) block {
	axis := len(r.axes)
	for axis > 0 && r.inner[axis-1].within(run, n, gap, most) {
		axis--
	}
	b := r.inner[axis]
	if axis == 0 {
		return b
	}
	a := r.axes[axis-1]
	indexes := min(a.N-run/b.runs%a.N, n/b.runs)
	if r.between(axis-1) > gap {
		indexes = 1
	}
	room := (most - (b.hi - b.lo)) / max(abs(a.Stride), 1)
	return b.repeated(min(indexes, max(room, 0)+1), a.Stride)
}

// within reports whether a block may begin with a run and stays within limits.
func (b block) within(run, n, gap, most int64) bool {
	return run%b.runs == 0 && b.runs <= n && b.gap <= gap && b.hi-b.lo <= most
}
