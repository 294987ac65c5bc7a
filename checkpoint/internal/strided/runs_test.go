package strided

// This file holds runs, moving and batches against one byte at a time.

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// drawAny is a layout of any strides, some negative, all elements from 0 on. It is
// seldom large, but then it has more runs than are moved at once, or long ones.
func drawAny(t *rapid.T) Layout {
	l := drawLayout(t)
	switch rapid.IntRange(0, 5).Draw(t, "size") {
	case 0:
		a := rapid.Int64Range(20, 60).Draw(t, "rows")
		b := rapid.Int64Range(20, 60).Draw(t, "columns")
		stride := rapid.Int64Range(1, 3).Draw(t, "stride")
		l.Axes = append(l.Axes[:min(len(l.Axes), 1)], Axis{a, b * stride}, Axis{b, stride})
	case 1:
		n := rapid.Int64Range(longRun/8-2, longRun/4).Draw(t, "run")
		l.Axes = []Axis{{rapid.Int64Range(0, 4).Draw(t, "long runs"), n + rapid.Int64Range(0, 3).Draw(t, "between")}, {n, 1}}
	}
	for k, a := range l.Axes {
		if rapid.Bool().Draw(t, "backwards") {
			l.Start += max(a.N-1, 0) * a.Stride
			l.Axes[k].Stride = -a.Stride
		}
	}
	return l
}

// memoryFor is bytes for all elements of l, and where each of l's bytes is in it.
func memoryFor(l Layout, width int64) (mem []byte, places []int64) {
	size := int64(0)
	for _, at := range offsets(l) {
		for b := range width {
			places = append(places, at*width+b)
			size = max(size, at*width+b+1)
		}
	}
	mem = make([]byte, size)
	for i := range mem {
		mem[i] = byte(i*7 + i>>8)
	}
	return mem, places
}

func drawWidth(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{1, 2, 4, 8, 3, 12, 16}).Draw(t, "width")
}

// drawPart is a part of n bytes.
func drawPart(t *rapid.T, n int64) (begin, end int64) {
	begin = rapid.Int64Range(0, n).Draw(t, "begin")
	if rapid.Bool().Draw(t, "to the end") {
		return begin, n
	}
	return begin, rapid.Int64Range(begin, n).Draw(t, "end")
}

func TestGatherTakesAnyPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, width := drawAny(t), drawWidth(t)
		mem, places := memoryFor(l, width)
		r, ok := l.Bytes(8 * width)
		require.True(t, ok)
		require.Equal(t, int64(len(places)), r.Len())
		begin, end := drawPart(t, r.Len())
		want := []byte{}
		for _, at := range places[begin:end] {
			want = append(want, mem[at])
		}

		// Only the array's own memory is there to be read.
		lo, hi := r.Extent()
		got := make([]byte, end-begin+1)
		r.Gather(got[:end-begin], mem[lo:hi:hi], lo, begin)
		require.Equal(t, append(want, 0), got)
	})
}

func TestScatterPutsBackAnyPart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, width := drawAny(t), drawWidth(t)
		_, places := memoryFor(l, width)
		r, _ := l.Bytes(8 * width)
		begin, end := drawPart(t, r.Len())
		lo, hi := r.Extent()
		src := make([]byte, end-begin)
		want := make([]byte, hi-lo)
		for i := range src {
			src[i] = byte(i%255 + 1)
			want[places[begin+int64(i)]-lo] = src[i]
		}
		got := make([]byte, hi-lo)
		r.Scatter(got, src, lo, begin)
		require.Equal(t, want, got)
	})
}

// Batches cover what is asked for in order, each as tight as can be, none with a
// longer gap or more memory than allowed.
func TestBatches(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, width := drawAny(t), drawWidth(t)
		_, places := memoryFor(l, width)
		r, _ := l.Bytes(8 * width)
		gap := rapid.Int64Range(-1, 300).Draw(t, "gap")
		most := rapid.Int64Range(1, 1<<13).Draw(t, "most")
		begin, end := drawPart(t, r.Len())
		for at := begin; at < end; {
			b := r.Batch(at, end-at, gap, most)
			require.Positive(t, b.Len)
			require.LessOrEqual(t, b.Len, end-at)
			requireBatch(t, b, places[at:at+b.Len], gap, most)
			at += b.Len
		}
	})
}

func requireBatch(t *rapid.T, b Batch, places []int64, gap, most int64) {
	lo, hi, inOrder := int64(math.MaxInt64), int64(0), true
	for i, at := range places {
		lo, hi = min(lo, at), max(hi, at+1)
		inOrder = inOrder && at == places[0]+int64(i)
	}
	require.Equal(t, [2]int64{lo, hi}, [2]int64{b.Lo, b.Hi})
	if b.OneRun {
		require.True(t, inOrder)
		return
	}
	require.LessOrEqual(t, hi-lo, most)
	used := make([]bool, hi-lo)
	for _, at := range places {
		used[at-lo] = true
	}
	unused := int64(0)
	for _, u := range used {
		if unused++; u {
			unused = 0
		}
		require.LessOrEqual(t, unused, max(gap, 0))
	}
}

// What can be read at once is: figures for the shapes that matter.
func TestBatchSizes(t *testing.T) {
	rows := func(n, stride, run int64) Layout { return Layout{Axes: []Axis{{n, stride}, {run, 1}}} }
	for _, c := range []struct {
		name      string
		l         Layout
		gap, most int64
		want      []Batch
	}{
		{"one piece", rows(4, 10, 10), 0, 8, []Batch{{40, 0, 40, true}}},
		{"gaps as long as allowed", rows(4, 10, 2), 8, 100, []Batch{{8, 0, 32, false}}},
		{"gaps one too long", rows(3, 10, 2), 7, 100, []Batch{{2, 0, 2, true}, {2, 10, 12, true}, {2, 20, 22, true}}},
		{"as many as fit", rows(5, 10, 2), 8, 22, []Batch{{6, 0, 22, false}, {4, 30, 42, false}}},
		{"backwards", Layout{Start: 9, Axes: []Axis{{10, -1}}}, 0, 6, []Batch{{6, 4, 10, false}, {4, 0, 4, false}}},
		{"rows backwards in rows that touch", Layout{Start: 3, Axes: []Axis{{5, 4}, {4, -1}}}, 0, 100, []Batch{{20, 0, 20, false}}},
		{"long runs alone", rows(2, longRun+1, longRun), 9, 1 << 20, []Batch{{longRun, 0, longRun, true}, {longRun, longRun + 1, 2*longRun + 1, true}}},
		{"long is what gap says", rows(2, longRun+1, longRun), 2 * longRun, 1 << 20, []Batch{{2 * longRun, 0, 2*longRun + 1, false}}},
		{"inner axes whole, outer in part", Layout{Axes: []Axis{{3, 100}, {2, 10}, {2, 2}}}, 100, 120, []Batch{{8, 0, 113, false}, {4, 200, 213, false}}},
		{"inner axes whole, outer apart", Layout{Axes: []Axis{{2, 100}, {2, 10}, {2, 2}}}, 50, 1000, []Batch{{4, 0, 13, false}, {4, 100, 113, false}}},
	} {
		r, _ := c.l.Bytes(8)
		var got []Batch
		for at := int64(0); at < r.Len(); at += got[len(got)-1].Len {
			got = append(got, r.Batch(at, r.Len()-at, c.gap, c.most))
		}
		require.Equal(t, c.want, got, c.name)
	}
}

// A batch that begins within a block takes what follows with it.
func TestBatchFromWithin(t *testing.T) {
	r, _ := Layout{Axes: []Axis{{4, 10}, {4, 2}}}.Bytes(8)
	require.Equal(t, Batch{14, 2, 35, false}, r.Batch(1, 14, 4, 100))
	words, _ := Layout{Axes: []Axis{{4, 2}}}.Bytes(32)
	require.Equal(t, Batch{10, 2, 20, false}, words.Batch(2, 10, 4, 100))
}

func TestBytesOfSubByteElements(t *testing.T) {
	for _, c := range []struct {
		l    Layout
		bits int64
		ok   bool
	}{
		{Layout{Axes: []Axis{{3, 4}, {2, 1}}}, 4, true},
		{Layout{Axes: []Axis{{3, 3}, {2, 1}}}, 4, false},
		{Layout{Axes: []Axis{{3, 4}, {1, 1}}}, 4, false},
		{Layout{Start: 1, Axes: []Axis{{3, 4}, {2, 1}}}, 4, false},
		{Layout{Start: 8, Axes: []Axis{{3, -4}, {2, 1}}}, 4, true},
		{Layout{Start: 3, Axes: []Axis{{4, -1}}}, 4, false},
		{Layout{Axes: []Axis{{3, 8}, {4, 1}}}, 6, true},
		{Layout{Axes: []Axis{{3, 8}, {2, 1}}}, 6, false},
		{Layout{Start: 1, Axes: []Axis{{0, 3}}}, 4, true},
		{Layout{Axes: []Axis{{1, 3}, {2, 1}}}, 4, true},
	} {
		_, ok := c.l.Bytes(c.bits)
		require.Equal(t, c.ok, ok, "%+v of %d bits", c.l, c.bits)
	}
}

// Elements whose bits are more than 63 bits count are still placed.
func TestBytesOfHugeLayouts(t *testing.T) {
	const n = 1 << 62
	r, ok := Layout{Start: n - 1, Axes: []Axis{{2, 1 - n}}}.Bytes(8)
	require.True(t, ok)
	lo, hi := r.Extent()
	require.Equal(t, [2]int64{0, n}, [2]int64{lo, hi})
	require.Equal(t, Batch{1, n - 1, n, true}, r.Batch(0, 2, 1<<20, 1<<20))
	require.Equal(t, int64(3<<60), InBytes(1<<61, 12))
	require.Equal(t, int64(math.MaxInt64/8*4), InBytes(math.MaxInt64/8*8, 4))
}
