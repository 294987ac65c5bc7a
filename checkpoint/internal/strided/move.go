package strided

// This file moves bytes between runs in memory and one packed piece. It can begin
// and end at any byte, at a cost that goes with what it moves.

import (
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/bulk"
)

const (
	// mostOffsets is how many runs are moved by one call: enough that the call
	// costs nothing, few enough that their offsets stay in the nearest cache and
	// that the scheduler, which steps in at calls, does not wait.
	mostOffsets = 1 << 10
	// longRun, in bytes, is from where on a run is a copy of its own.
	longRun = 1 << 12
)

// Gather copies the bytes from off on into dst. The array lies in memory of which
// mem is a part that begins with byte number origin.
func (r Runs) Gather(dst, mem []byte, origin, off int64) {
	r.walk(off, int64(len(dst)), func(packed, at, n int64) {
		bulk.Copy(dst[packed:packed+n], mem[at-origin:][:n])
	}, func(packed, at int64, offsets []int) {
		gather(dst[packed:], mem, int(at-origin), offsets, int(r.size))
	})
}

// Scatter is the reverse of Gather: it copies src to the bytes from off on. Where
// two elements share a place, the later one stays.
func (r Runs) Scatter(mem, src []byte, origin, off int64) {
	r.walk(off, int64(len(src)), func(packed, at, n int64) {
		bulk.Copy(mem[at-origin:][:n], src[packed:packed+n])
	}, func(packed, at int64, offsets []int) {
		scatter(mem, src[packed:], int(at-origin), offsets, int(r.size))
	})
}

// walk steps through n bytes from off on, in order. It calls piece for n bytes
// that lie in one piece from byte at on, and many for whole runs at that byte plus
// each of the offsets; packed counts the bytes before them.
func (r Runs) walk(off, n int64, piece func(packed, at, n int64), many func(packed, at int64, offsets []int)) {
	end := off + n
	for begin := off; begin < end; {
		run, within := begin/r.size, begin%r.size
		whole := (end - begin) / r.size
		if within > 0 || whole == 0 || r.size >= longRun {
			n := min(r.size-within, end-begin)
			piece(begin-off, r.at(run)+within, n)
			begin += n
			continue
		}
		r.walkRuns(run, whole, func(done, at int64, offsets []int) { many(begin-off+done*r.size, at, offsets) })
		begin += whole * r.size
	}
}

// walkRuns steps through n runs from run number first on, in steps of at most
// mostOffsets. The offsets are computed once and used for every step: those of the
// innermost axes and, as far as there is room, of some indexes of the next one.
func (r Runs) walkRuns(first, n int64, many func(done, at int64, offsets []int)) {
	room := offsetRooms.Get().(*[mostOffsets]int)
	defer offsetRooms.Put(room)
	axis, offsets := r.pattern(room, min(n, mostOffsets))
	unit, axisLen := r.inner[axis].runs, int64(1)
	if axis > 0 {
		axisLen = r.axes[axis-1].N
	}
	for done := int64(0); done < n; {
		i := first + done
		skip := i % unit
		left := (axisLen-i/unit%axisLen)*unit - skip // to the end of that next axis
		step := min(left, int64(len(offsets))-skip, n-done)
		many(done, r.at(i-skip), offsets[skip:skip+step])
		done += step
	}
}

// offsetRooms are rooms not in use: a large array is read in many pieces.
var offsetRooms = sync.Pool{New: func() any { return new([mostOffsets]int) }}

// pattern returns where runs lie from the first one on: all of axes[axis:], and as
// many indexes of the axis before as make at most that many runs. It uses room.
func (r Runs) pattern(room *[mostOffsets]int, most int64) (axis int, offsets []int) {
	axis = len(r.axes)
	for axis > 0 && r.inner[axis-1].runs <= most {
		axis--
	}
	unit, some := r.inner[axis].runs, int64(1)
	if axis > 0 {
		some = min(most/unit, r.axes[axis-1].N)
	}
	room[0] = 0
	offsets = room[:1]
	for k := len(r.axes) - 1; k >= axis; k-- {
		offsets = repeat(offsets, r.axes[k].N, r.axes[k].Stride)
	}
	if axis > 0 {
		offsets = repeat(offsets, some, r.axes[axis-1].Stride)
	}
	return axis, offsets
}

// repeat appends the offsets n-1 times more, each time a stride further.
func repeat(offsets []int, n, stride int64) []int {
	once := len(offsets)
	for i := int64(1); i < n; i++ {
		for _, o := range offsets[:once] {
			offsets = append(offsets, o+int(i*stride))
		}
	}
	return offsets
}
