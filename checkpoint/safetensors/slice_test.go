package safetensors

// This file holds slices against copies made one element at a time.

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A recorder remembers what was read.
type recorder struct {
	io.ReaderAt
	reads [][2]int64 // offset and length
}

func (r *recorder) ReadAt(p []byte, off int64) (int, error) {
	r.reads = append(r.reads, [2]int64{off, int64(len(p))})
	return r.ReaderAt.ReadAt(p, off)
}

func TestSlice(t *testing.T) {
	shape := []int{10, 5}
	data := counted(200)
	f := opened(t, encoded(t, nil, Source{Name: "x", DType: F32, Shape: shape, Data: data}), nil)
	x := tensorOf(t, f, "x")
	for _, c := range []struct {
		ix    []Index
		shape []int
	}{
		{[]Index{}, []int{10, 5}},
		{[]Index{All()}, []int{10, 5}},
		{[]Index{Range(2, 4)}, []int{2, 5}},
		{[]Index{All(), Range(1, 3)}, []int{10, 2}},
		{[]Index{At(3), All()}, []int{5}},
		{[]Index{At(3), At(2)}, nil},
		{[]Index{Range(9, 10), Range(4, 5)}, []int{1, 1}},
		{[]Index{Range(10, End)}, []int{0, 5}},
		{[]Index{Range(10, 10)}, []int{0, 5}},
		{[]Index{Range(2, 1)}, []int{0, 5}},
		{[]Index{Range(7, 100)}, []int{3, 5}},
		{[]Index{Range(100, 200)}, []int{0, 5}},
		{[]Index{Range(-3, End)}, []int{3, 5}},
		{[]Index{Range(-300, -9)}, []int{1, 5}},
		{[]Index{Range(0, -1), Range(0, -4)}, []int{9, 1}},
		{[]Index{At(-1)}, []int{5}},
		{[]Index{All(), At(-5)}, []int{10}},
	} {
		part, err := x.Slice(c.ix...)
		require.NoError(t, err, "%v", c.ix)
		require.Equal(t, c.shape, nilIfEmpty(part.Shape()), "%v", c.ix)
		want, err := newPlain(shape).slice(c.ix)
		require.NoError(t, err)
		require.Equal(t, want.bytes(data, 32), bytesOf(t, part), "%v", c.ix)
		require.Equal(t, "x", part.Name())
		require.Equal(t, F32, part.DType())
	}
}

func nilIfEmpty(shape []int) []int {
	if len(shape) == 0 {
		return nil
	}
	return shape
}

func TestSliceErrors(t *testing.T) {
	f := opened(t, encoded(t, nil,
		Source{Name: "x", DType: F32, Shape: []int{10, 5}, Data: counted(200)},
		Source{Name: "scalar", DType: F32, Data: counted(4)},
		Source{Name: "half", DType: F4, Shape: []int{4, 4}, Data: counted(8)},
		Source{Name: "odd", DType: F4, Shape: []int{2, 3}, Data: counted(3)},
	), nil)
	for _, c := range []struct {
		name string
		ix   []Index
		err  error
		text string
	}{
		{"x", []Index{All(), At(20)}, ErrIndex, `safetensors: tensor "x": axis 1: index out of range: index 20 on 5 elements`},
		{"x", []Index{All(), At(-6)}, ErrIndex, `safetensors: tensor "x": axis 1: index out of range: index -6 on 5 elements`},
		{"x", []Index{At(10)}, ErrIndex, `safetensors: tensor "x": axis 0: index out of range: index 10 on 10 elements`},
		{"x", []Index{All(), All(), All()}, ErrIndex, `safetensors: tensor "x": index out of range: 3 indexes for 2 axes`},
		{"scalar", []Index{At(0)}, ErrIndex, `safetensors: tensor "scalar": index out of range: 1 indexes for 0 axes`},
		{"half", []Index{All(), Range(0, 1)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [: 0:1] of shape [4 4] splits a byte of F4`},
		{"odd", []Index{All(), Range(0, 2)}, ErrMisaligned, `safetensors: tensor "odd": misaligned: slice [: 0:2] of shape [2 3] splits a byte of F4`},
		{"half", []Index{At(1), Range(1, 3)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [1 1:3] of shape [4 4] splits a byte of F4`},
	} {
		_, err := tensorOf(t, f, c.name).Slice(c.ix...)
		require.ErrorIs(t, err, c.err)
		require.EqualError(t, err, c.text)
	}
	for _, ix := range [][]Index{{All(), Range(0, 2)}, {Range(1, 3)}, {At(3)}, {At(2), Range(2, 4)}, {All(), Range(3, 3)}} {
		_, err := tensorOf(t, f, "half").Slice(ix...)
		require.NoError(t, err, "%v", ix)
	}
	whole, err := tensorOf(t, f, "scalar").Slice()
	require.NoError(t, err)
	require.Equal(t, counted(4), bytesOf(t, whole))
}

// Of a tensor without elements every slice is empty, and reads nothing, though
// the arithmetic on its other axes may lead out of the file.
func TestSliceOfNothing(t *testing.T) {
	f := opened(t, encoded(t, nil,
		Source{Name: "flat", DType: F32, Shape: []int{0, 3}},
		Source{Name: "tall", DType: F32, Shape: []int{3, 0}},
		Source{Name: "wide", DType: F32, Shape: []int{1 << 30, 0, 1 << 30}},
	), nil)
	for _, c := range []struct {
		name  string
		ix    []Index
		shape []int
	}{
		{"flat", nil, []int{0, 3}},
		{"flat", []Index{All()}, []int{0, 3}},
		{"flat", []Index{Range(5, 9)}, []int{0, 3}},
		{"flat", []Index{All(), At(2)}, []int{0}},
		{"flat", []Index{All(), Range(1, End)}, []int{0, 2}},
		{"tall", []Index{At(-1)}, []int{0}},
		{"tall", []Index{Range(2, 3)}, []int{1, 0}},
		{"wide", []Index{At(1 << 29), All(), At(1 << 29)}, []int{0}},
		{"wide", []Index{All(), All(), Range(1<<29, End)}, []int{1 << 30, 0, 1 << 29}},
	} {
		part, err := tensorOf(t, f, c.name).Slice(c.ix...)
		require.NoError(t, err)
		require.Equal(t, c.shape, part.Shape())
		require.Zero(t, part.Size())
		b, err := part.Bytes()
		require.NoError(t, err)
		require.Empty(t, b)
		v, err := As[float32](part)
		require.NoError(t, err)
		require.Empty(t, v.Data())
		n, err := part.ReadAt(make([]byte, 1), 0)
		require.Zero(t, n)
		require.ErrorIs(t, err, io.EOF)
	}
	_, err := tensorOf(t, f, "flat").Slice(At(0))
	require.ErrorIs(t, err, ErrIndex)
}

func anyDType(t *rapid.T) DType {
	return DType(rapid.IntRange(int(Bool), int(U64)).Draw(t, "dtype"))
}

// anyShape is one whose elements fill whole bytes of d.
func anyShape(t *rapid.T, d DType) []int {
	shape := rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4).Draw(t, "shape")
	if product(shape)*d.Bits()%8 != 0 {
		shape = append(shape, 4)
	}
	return shape
}

func anyIndex(t *rapid.T, n int) Index {
	bound := rapid.IntRange(-n-2, n+2)
	switch rapid.IntRange(0, 5).Draw(t, "kind") {
	case 0, 1:
		return All()
	case 2:
		return At(bound.Draw(t, "at"))
	case 3:
		return Range(bound.Draw(t, "lo"), End)
	}
	return Range(bound.Draw(t, "lo"), bound.Draw(t, "hi"))
}

// Any chain of slices of any tensor is what the simplest code makes of it, and
// reading it reads each of its bytes once and no other.
func TestSliceChains(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		d := anyDType(rt)
		shape := anyShape(rt, d)
		bits := d.Bits()
		data := rapid.SliceOfN(rapid.Byte(), product(shape)*bits/8, product(shape)*bits/8).Draw(rt, "data")
		before := Source{Name: "before", DType: U64, Shape: []int{3}, Data: counted(24)}
		file := encoded(rt, nil, before, Source{Name: "x", DType: d, Shape: shape, Data: data})

		r := &recorder{ReaderAt: stingyReader(file)}
		files := openedAnywhere(rt, dir, file, r)
		parts := make([]Tensor, len(files))
		for i, f := range files {
			parts[i] = tensorOf(rt, f, "x")
		}
		want := newPlain(shape)
		for range rapid.IntRange(0, 3).Draw(rt, "slices") {
			var ix []Index
			for k := range rapid.IntRange(0, len(want.shape)).Draw(rt, "indexes") {
				ix = append(ix, anyIndex(rt, want.shape[k]))
			}
			next, wantErr := want.slice(ix)
			if wantErr == nil && next.splitsByte(bits) {
				wantErr = ErrMisaligned
			}
			for i, part := range parts {
				got, err := part.Slice(ix...)
				require.ErrorIs(rt, err, wantErr, "%v of %v", ix, want.shape)
				if err == nil {
					require.Equal(rt, nilIfEmpty(next.shape), nilIfEmpty(got.Shape()), "%v of %v", ix, want.shape)
					parts[i] = got
				}
			}
			if wantErr != nil {
				break
			}
			want = next
		}
		requirePart(rt, parts, want.bytes(data, bits))
		requireReads(rt, r, parts[len(parts)-1], want, bits)
		for _, f := range files {
			require.NoError(rt, f.Close())
		}
	})
}

// openedAnywhere opens a file in memory, mapped, and behind r, in this order.
func openedAnywhere(t tb, dir string, file []byte, r io.ReaderAt) []*File {
	inMemory, err := OpenBytes(file, nil)
	require.NoError(t, err)
	mapped, err := Open(rewritten(t, dir, file), nil)
	require.NoError(t, err)
	behind, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	return []*File{inMemory, mapped, behind}
}

// requirePart compares every way to read a part with its bytes.
func requirePart(rt *rapid.T, parts []Tensor, want []byte) {
	off := rapid.IntRange(0, len(want)).Draw(rt, "offset")
	n := rapid.IntRange(0, len(want)+2).Draw(rt, "length")
	for _, part := range parts {
		require.Equal(rt, int64(len(want)), part.Size())
		require.Equal(rt, want, bytesOf(rt, part))
		b, err := part.Bytes()
		require.NoError(rt, err)
		require.Equal(rt, want, append([]byte{}, b...))

		p := make([]byte, n)
		got, err := part.ReadAt(p, int64(off))
		require.Equal(rt, min(n, len(want)-off), got)
		require.Equal(rt, want[off:off+got], p[:got])
		if got < n {
			require.ErrorIs(rt, err, io.EOF)
		} else {
			require.NoError(rt, err)
		}
	}
}

// requireReads reads the part once more and looks at what was asked of the
// source, which gives a byte a call: runs that touch are one.
func requireReads(t tb, r *recorder, part Tensor, want plain, bits int) {
	r.reads = nil
	bytesOf(t, part)
	begin, _ := part.Range()
	var asked, needed [][2]int64
	for _, read := range r.reads {
		if n := len(asked); n > 0 && asked[n-1][1] == read[0]+read[1] {
			continue // the rest of one request, after a short read
		}
		asked = append(asked, [2]int64{read[0], read[0] + read[1]})
	}
	for _, run := range want.runs() {
		at := begin + int64(run[0]*bits/8)
		needed = append(needed, [2]int64{at, at + int64(run[1]*bits/8)})
	}
	require.Equal(t, needed, asked)
}

// ReadAt may begin and end within any run.
func TestReadAtOfASlice(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: U16, Shape: []int{3, 4, 5}, Data: counted(120)})
	for _, f := range openedAnywhere(t, t.TempDir(), file, bytes.NewReader(file)) {
		part, err := tensorOf(t, f, "x").Slice(Range(1, 3), Range(0, 3), Range(2, 4))
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

// Slicing a column costs the same for a million rows as for one.
func TestSliceMemory(t *testing.T) {
	const rows = 1_000_000
	x := tensorOf(t, opened(t, encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{rows, 4}, Data: counted(rows * 4)}), nil), "x")
	column := make([]byte, rows)
	got := allocated(func() {
		part, err := x.Slice(All(), Range(2, 3))
		require.NoError(t, err)
		require.NoError(t, part.ReadInto(column))
	})
	require.Less(t, got, 1<<14)
	for i, b := range column {
		if b != byte(4*i+2) {
			require.Equal(t, byte(4*i+2), b, "row %d", i)
		}
	}
}

func TestIndexPrintsAsInPython(t *testing.T) {
	for want, ix := range map[string]Index{":": All(), "-3": At(-3), "2:": Range(2, End), "0:-1": Range(0, -1)} {
		require.Equal(t, want, ix.String())
	}
}
