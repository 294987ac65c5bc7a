package safetensors

// This file is about what reading a slice costs: calls, bytes and memory.

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// rows is a tensor of bytes in which rows of 100 lie 100 apart.
func rowsOf(n int) Source {
	return Source{Name: "x", DType: U8, Shape: []int{n, 100}, Data: counted(n * 100)}
}

// Only needed ranges are asked for; those that touch are one, those that are near
// come together, those far from each other do not.
func TestCallsForASlice(t *testing.T) {
	file := encoded(t, nil, rowsOf(1000))
	r := &recorder{ReaderAt: bytes.NewReader(file)}
	f, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	x := tensorOf(t, f, "x")
	begin, _ := x.Range()
	for _, c := range []struct {
		name string
		gap  int
		ix   []Index
		want [][2]int64
	}{
		{"rows that touch are one range", 0, []Index{Range(2, 40)}, [][2]int64{{200, 4000}}},
		{"backwards too", 0, []Index{Range(39, 1).By(-1)}, [][2]int64{{200, 4000}}},
		{"and with columns backwards", 0, []Index{Range(2, 40), All().By(-1)}, [][2]int64{{200, 4000}}},
		{"one element", 0, []Index{At(7), At(3)}, [][2]int64{{703, 704}}},
		{"gaps that are too long", 89, []Index{Range(0, 3), Range(0, 10)}, [][2]int64{{0, 10}, {100, 110}, {200, 210}}},
		{"gaps that are not", 90, []Index{Range(0, 3), Range(0, 10)}, [][2]int64{{0, 210}}},
		{"a column", 99, []Index{All(), At(5)}, [][2]int64{{5, 99_906}}},
		{"every third, backwards", 299, []Index{All().By(-3), At(5)}, [][2]int64{{5, 99_906}}},
		{"near ones of rows far apart", 50, []Index{Range(0, 401).By(200), All().By(33)}, [][2]int64{{0, 100}, {20_000, 20_100}, {40_000, 40_100}}},
	} {
		r.gap = c.gap
		part, err := x.Slice(c.ix...)
		require.NoError(t, err)
		for i := range c.want {
			c.want[i][0] += begin
			c.want[i][1] += begin
		}
		require.Equal(t, c.want, r.calls(func() { bytesOf(t, part) }), c.name)
	}
}

// Without a word of the reader's, 16 KiB are passed over for a call saved. Long
// runs come alone, straight to where they belong; others at most a MiB at a time.
func TestCallsForASliceOfAFile(t *testing.T) {
	const rows, width = 300, 20 << 10
	file := encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{rows, width}, Data: counted(rows * width)})
	r := &recorder{ReaderAt: bytes.NewReader(file)}
	f, err := NewFile(struct{ io.ReaderAt }{r}, int64(len(file)), nil)
	require.NoError(t, err)
	x := tensorOf(t, f, "x")
	for _, c := range []struct {
		name       string
		columns    Index
		calls      int
		mostBytes  int64
		longestOne int64
	}{
		{"whole rows", All(), 1, rows * width, rows * width},
		{"rows that are long", Range(0, 18<<10), rows, rows * 18 << 10, 18 << 10},
		{"rows with short gaps", Range(0, 4<<10), 6, rows * width, 1 << 20},
		{"rows with long gaps", Range(0, 4<<10-1), rows, rows * 4 << 10, 4<<10 - 1},
		{"every second element", All().By(2), 6, rows * width, 1 << 20},
	} {
		part, err := x.Slice(All(), c.columns)
		require.NoError(t, err)
		var bytes, longest int64
		calls := r.calls(func() { bytesOf(t, part) })
		for _, call := range calls {
			bytes += call[1] - call[0]
			longest = max(longest, call[1]-call[0])
		}
		require.Len(t, calls, c.calls, c.name)
		require.LessOrEqual(t, bytes, c.mostBytes, c.name)
		require.LessOrEqual(t, longest, c.longestOne, c.name)
	}
}

// Pieces of a slice cost what they hold, wherever they begin.
func TestCallsForAPieceOfASlice(t *testing.T) {
	file := encoded(t, nil, rowsOf(1000))
	r := &recorder{ReaderAt: bytes.NewReader(file), gap: 20}
	f, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	part, err := tensorOf(t, f, "x").Slice(All(), Range(10, 90))
	require.NoError(t, err)
	begin, _ := part.Range()
	p := make([]byte, 200)
	calls := r.calls(func() {
		_, err := part.ReadAt(p, 80*500+40)
		require.NoError(t, err)
	})
	require.Equal(t, [][2]int64{{begin + 50_050, begin + 50_290}}, calls)
}

// ReadAt may begin and end within any run, and within any element.
func TestReadAtOfASlice(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: U16, Shape: []int{3, 4, 5}, Data: counted(120)})
	for _, f := range openedAnywhere(t, t.TempDir(), file, bytes.NewReader(file)) {
		for _, ix := range [][]Index{
			{Range(1, 3), Range(0, 3), Range(2, 4)},
			{All().By(-2), Range(0, 3), All().By(-3)},
		} {
			part, err := tensorOf(t, f, "x").Slice(ix...)
			require.NoError(t, err)
			want := bytesOf(t, part)
			for begin := range len(want) {
				for end := begin; end <= len(want); end++ {
					p := make([]byte, end-begin)
					n, err := part.ReadAt(p, int64(begin))
					require.NoError(t, err)
					require.Equal(t, end-begin, n)
					require.Equal(t, want[begin:end], p)
				}
			}
		}
		require.NoError(t, f.Close())
	}
}

func TestReadAtOutOfRange(t *testing.T) {
	x := tensorOf(t, opened(t, encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{3}, Data: counted(3)}), nil), "x")
	for _, off := range []int64{-1, 4} {
		_, err := x.ReadAt(nil, off)
		require.ErrorIs(t, err, ErrIndex)
	}
	require.ErrorIs(t, x.ReadInto(make([]byte, 2)), ErrSize)
	require.ErrorIs(t, x.ReadInto(make([]byte, 4)), ErrSize)
}

// Slicing a column costs the same for a million rows as for one, and so does
// reading it: from memory next to nothing, else the memory of one call.
func TestSliceMemory(t *testing.T) {
	const rows = 1_000_000
	file := encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{rows, 4}, Data: counted(rows * 4)})
	behind, err := NewFile(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(t, err)
	for _, c := range []struct {
		f    *File
		most int
	}{{opened(t, file, nil), 1 << 14}, {behind, mostBatch + 1<<15}} {
		column := make([]byte, rows)
		got := allocated(func() {
			part, err := tensorOf(t, c.f, "x").Slice(All(), Range(2, 3))
			require.NoError(t, err)
			require.NoError(t, part.ReadInto(column))
		})
		require.Less(t, got, c.most)
		for i, b := range column {
			if b != byte(4*i+2) {
				require.Equal(t, byte(4*i+2), b, "row %d", i)
			}
		}
	}
}

// Slices in one piece are views of the file's memory, others are copies.
func TestViewsOfSlices(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{4, 6}, Data: counted(96)})
	f := opened(t, file, nil)
	x := tensorOf(t, f, "x")
	begin, _ := x.Range()
	for _, c := range []struct {
		ix    []Index
		first int // byte of the tensor at which a view begins, -1 for a copy
	}{
		{[]Index{Range(1, 3)}, 24},
		{[]Index{At(-1), Range(2, 5)}, 80},
		{[]Index{Range(2, 3), All()}, 48},
		{[]Index{Range(3, 1).By(-2)}, 72},
		{[]Index{All().By(4), Range(1, 3)}, 4},
		{[]Index{All(), Range(0, 5)}, -1},
		{[]Index{All().By(-1)}, -1},
		{[]Index{At(0), All().By(2)}, -1},
	} {
		part, err := x.Slice(c.ix...)
		require.NoError(t, err)
		v, err := As[float32](part)
		require.NoError(t, err)
		b, err := part.Bytes()
		require.NoError(t, err)
		if c.first < 0 {
			require.False(t, v.Shared(), "%v", c.ix)
			continue
		}
		require.Same(t, &file[int(begin)+c.first], &b[0], "%v", c.ix)
		require.Equal(t, len(b), cap(b), "a view ends where its tensor ends")
	}
}

// What lies outside of a slice may be missing.
func TestSliceOfAShortenedSource(t *testing.T) {
	file := encoded(t, nil, rowsOf(10))
	broken := errors.New("broken")
	r := &failing{file: file, from: int64(len(file)) - 500, err: broken}
	f, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	x := tensorOf(t, f, "x")
	upper, err := x.Slice(Range(0, 5), All().By(-2))
	require.NoError(t, err)
	bytesOf(t, upper)
	all, err := x.Slice(All().By(9), All().By(-2))
	require.NoError(t, err)
	err = all.ReadInto(make([]byte, all.Size()))
	require.ErrorIs(t, err, broken)
	require.ErrorContains(t, err, fmt.Sprintf("read bytes [%d:%d)", len(file)-999, len(file)))
}

func TestSliceOfAShortenedMapping(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be truncated on Windows")
	}
	path := written(t, pages(t, 4*page))
	x := tensorOf(t, mapped(t, path, nil), "x")
	upper, err := x.Slice(Range(0, page).By(2))
	require.NoError(t, err)
	all, err := x.Slice(All().By(-2))
	require.NoError(t, err)
	begin, _ := x.Range()
	require.NoError(t, os.Truncate(path, begin+page))
	require.Equal(t, counted(2)[:1], bytesOf(t, upper)[:1])
	require.Error(t, all.ReadInto(make([]byte, all.Size())))
}

// A failing reader fails for what lies behind a byte.
type failing struct {
	file []byte
	from int64
	err  error
}

func (r *failing) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > r.from {
		return 0, r.err
	}
	return copy(p, r.file[off:]), nil
}

// No file is too long: places and sizes are computed where their product with a
// number of bits would not fit.
func TestSliceOfTheLargestTensors(t *testing.T) {
	const length = 1 << 60
	for _, c := range []struct {
		shape, dtype string
		ix           []Index
		size         int64
		calls        [][2]int64
	}{
		{"[2,576460752303423488]", "U8", []Index{All().By(-1)}, length, nil},
		{"[2,576460752303423488]", "U8", []Index{At(1)}, length / 2, nil},
		{"[2,576460752303423488]", "U8", []Index{All().By(-1), At(-1)}, 2, [][2]int64{{length - 1, length}, {length/2 - 1, length / 2}}},
		{"[2,144115188075855872]", "F32", []Index{At(-1), Range(-2, End)}, 8, [][2]int64{{length - 8, length}}},
		{"[4,576460752303423488]", "F4", []Index{At(-1), Range(-2, End)}, 1, [][2]int64{{length - 1, length}}},
		{"[2,576460752303423488,2]", "F4", []Index{Ellipsis(), Range(1, 1)}, 0, nil},
		{"[2,576460752303423488,2]", "F4", []Index{Range(1, End), At(-1)}, 1, [][2]int64{{length - 1, length}}},
	} {
		text := fmt.Sprintf(`{"x":{"dtype":%q,"shape":%s,"data_offsets":[0,%d]}}`, c.dtype, c.shape, int64(length))
		header := frame(text, nil)
		r := &recorder{ReaderAt: endless(header)}
		f, err := NewFile(r, int64(len(header))+length, nil)
		require.NoError(t, err)
		part, err := tensorOf(t, f, "x").Slice(c.ix...)
		require.NoError(t, err)
		require.Equal(t, c.size, part.Size())
		if c.calls == nil {
			continue
		}
		for i := range c.calls {
			c.calls[i][0] += int64(len(header))
			c.calls[i][1] += int64(len(header))
		}
		require.Equal(t, c.calls, r.calls(func() { bytesOf(t, part) }))
	}
}

// An endless reader has zeros behind its bytes.
type endless []byte

func (r endless) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(r)) {
		copy(p, r[off:])
	}
	return len(p), nil
}
