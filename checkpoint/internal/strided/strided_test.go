package strided

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// offsets is the plainest way to say what a layout is.
func offsets(l Layout) []int64 {
	at := []int64{l.Start}
	for _, a := range l.Axes {
		var next []int64
		for _, begin := range at {
			for i := range a.N {
				next = append(next, begin+i*a.Stride)
			}
		}
		at = next
	}
	return at
}

func drawLayout(t *rapid.T) Layout {
	shape := rapid.SliceOfN(rapid.Int64Range(0, 4), 0, 4).Draw(t, "shape")
	l := RowMajor(shape)
	if rapid.Bool().Draw(t, "any strides") {
		for k := range l.Axes {
			l.Axes[k].Stride = rapid.Int64Range(0, 30).Draw(t, "stride")
		}
	}
	l.Start = rapid.Int64Range(0, 9).Draw(t, "start")
	return l.Permute(rapid.Permutation(upTo(len(shape))).Draw(t, "order"))
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func TestElementsAreCounted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		require.Len(t, offsets(l), int(l.Elements()))
	})
}

func TestSpanIsBehindTheLastElement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		span := l.Start
		for _, at := range offsets(l) {
			span = max(span, at+1)
		}
		require.Equal(t, span, l.Span())
	})
}

func TestContiguousIsOneRun(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := drawLayout(t)
		want := true
		for i, at := range offsets(l) {
			want = want && at == l.Start+int64(i)
		}
		require.Equal(t, want, l.Contiguous())
	})
}

func TestRowMajorCountsUp(t *testing.T) {
	l := RowMajor([]int64{2, 3, 4})
	require.Equal(t, []int{2, 3, 4}, l.Shape())
	require.Equal(t, int64(24), l.Elements())
	for i, at := range offsets(l) {
		require.Equal(t, int64(i), at)
	}
	require.Equal(t, int64(1), RowMajor(nil).Elements(), "a scalar is one element")
	require.Empty(t, RowMajor(nil).Shape())
}

// The axes of a permuted layout are those of the other, in another order: the
// element at (i, j, k) is then at (j, k, i).
func TestPermuteMovesAxes(t *testing.T) {
	l := RowMajor([]int64{2, 3, 4}).Permute([]int{1, 2, 0})
	require.Equal(t, []int{3, 4, 2}, l.Shape())
	at := offsets(l)
	for j := range 3 {
		for k := range 4 {
			for i := range 2 {
				require.Equal(t, int64(i*12+j*4+k), at[j*8+k*2+i])
			}
		}
	}
}

// Shapes that claim more than there can be must not make arithmetic go wrong where
// there is nothing.
func TestEmptyLayoutsOfAnySize(t *testing.T) {
	l := RowMajor([]int64{0, math.MaxInt64, math.MaxInt64})
	require.Zero(t, l.Elements())
	require.Zero(t, l.Span())
	require.True(t, l.Contiguous())
}
