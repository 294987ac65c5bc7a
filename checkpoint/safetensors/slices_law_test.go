package safetensors

// This file states the law of slices: any chain of slices of any tensor, read in
// any way from any source, is what the simplest code makes of it.

import (
	"io"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestSliceChains(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) { requireSlicesRead(rt, dir) })
}

// FuzzSlices is the same law, for go test -fuzz.
func FuzzSlices(f *testing.F) {
	dir := f.TempDir()
	source := rand.NewChaCha8([32]byte{})
	for range 20 {
		seed := make([]byte, 2<<10)
		_, _ = source.Read(seed) // it never fails
		f.Add(seed)
	}
	f.Fuzz(rapid.MakeFuzz(func(rt *rapid.T) { requireSlicesRead(rt, dir) }))
}

func requireSlicesRead(rt *rapid.T, dir string) {
	dir, err := os.MkdirTemp(dir, "") // of its own, so that fuzzing does not fill the disk
	require.NoError(rt, err)
	defer func() { require.NoError(rt, os.RemoveAll(dir)) }()
	d := anyDType(rt)
	shape := anyShape(rt, d)
	bits := d.Bits()
	data := counted(product(shape) * bits / 8)
	before := Source{Name: "before", DType: U64, Shape: []int{3}, Data: counted(24)}
	file := encoded(rt, nil, before, Source{Name: "x", DType: d, Shape: shape, Data: data})

	r := &recorder{ReaderAt: stingyReader(file), gap: rapid.IntRange(-1, 40).Draw(rt, "gap")}
	files := openedAnywhere(rt, dir, file, r)
	parts := make([]Tensor, len(files))
	for i, f := range files {
		parts[i] = tensorOf(rt, f, "x")
	}
	want := newPlain(shape)
	for range rapid.IntRange(0, 3).Draw(rt, "slices") {
		ix := anyIndexes(rt, want.shape)
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
		if wantErr == nil {
			want = next
		}
	}
	requirePart(rt, parts, want.bytes(data, bits))
	requireReads(rt, r, parts[len(parts)-1], want, bits)
	for _, f := range files {
		require.NoError(rt, f.Close())
	}
}

func anyDType(t *rapid.T) DType {
	if rapid.Bool().Draw(t, "sub-byte") {
		return rapid.SampledFrom([]DType{F4, F6E2M3, F6E3M2}).Draw(t, "dtype")
	}
	return DType(rapid.IntRange(int(Bool), int(U64)).Draw(t, "dtype"))
}

// anyShape is one whose elements fill whole bytes of d.
func anyShape(t *rapid.T, d DType) []int {
	shape := rapid.SliceOfN(rapid.SampledFrom([]int{4, 3, 8, 1, 2, 5, 7, 0}), 0, 4).Draw(t, "shape")
	if product(shape)*d.Bits()%8 != 0 {
		shape = append(shape, 4)
	}
	return shape
}

// anyIndexes are as many as there are axes, or fewer, or with an ellipsis; seldom
// too many.
func anyIndexes(t *rapid.T, shape []int) []Index {
	var ix []Index
	for k := range rapid.IntRange(0, len(shape)).Draw(t, "indexes") {
		ix = append(ix, anyIndex(t, shape[k]))
	}
	switch rapid.IntRange(0, 20).Draw(t, "extra") {
	case 1, 2, 3:
		at := rapid.IntRange(0, len(ix)).Draw(t, "ellipsis")
		left := shape[len(shape)-(len(ix)-at):]
		ix = append(ix[:at], Ellipsis())
		for _, n := range left {
			ix = append(ix, anyIndex(t, n))
		}
	case 4:
		ix = append(ix, Ellipsis(), Ellipsis())
	case 5:
		ix = append(ix, All())
	}
	return ix
}

// anyIndex mostly selects something of n.
func anyIndex(t *rapid.T, n int) Index {
	bound := rapid.OneOf(rapid.IntRange(-n, n), rapid.IntRange(-n-2, n+2), rapid.SampledFrom([]int{Begin, End}))
	step := rapid.SampledFrom([]int{1, -1, 2, -2, 3, -3, 1, 1, End, Begin, 0})
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0:
		return All()
	case 1:
		return All().By(step.Draw(t, "step"))
	case 2:
		return At(rapid.IntRange(-n, n).Draw(t, "at"))
	case 3:
		return Range(bound.Draw(t, "lo"), End)
	case 4:
		return Range(bound.Draw(t, "lo"), bound.Draw(t, "hi"))
	}
	return Range(bound.Draw(t, "lo"), bound.Draw(t, "hi")).By(step.Draw(t, "step"))
}

// openedAnywhere opens a file in memory, mapped, by system calls, and behind r, in
// this order.
func openedAnywhere(t tb, dir string, file []byte, r io.ReaderAt) []*File {
	path := rewritten(t, dir, file)
	inMemory, err := OpenBytes(file, nil)
	require.NoError(t, err)
	mapped, err := Open(path, nil)
	require.NoError(t, err)
	unmapped, err := Open(path, &OpenOptions{NoMmap: true})
	require.NoError(t, err)
	behind, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	return []*File{inMemory, mapped, unmapped, behind}
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

// requireReads reads the part once more and looks at what was asked of the source:
// all that is needed, and nothing else but what lies in gaps that are short enough.
func requireReads(t tb, r *recorder, part Tensor, want plain, bits int) {
	begin, end := part.Range()
	needed := make([]bool, end-begin+1)
	for _, run := range want.runs() {
		for at := run[0] * bits / 8; at < (run[0]+run[1])*bits/8; at++ {
			needed[at] = true
		}
	}
	asked := make([]bool, len(needed))
	for _, call := range r.calls(func() { bytesOf(t, part) }) {
		lo, hi := call[0]-begin, call[1]-begin
		require.True(t, needed[lo] && needed[hi-1], "a call begins and ends with what is needed")
		for unused := 0; lo < hi; lo++ {
			asked[lo] = true
			if unused++; needed[lo] {
				unused = 0
			}
			require.LessOrEqual(t, unused, max(r.gap, 0))
		}
	}
	for at := range needed {
		require.True(t, asked[at] || !needed[at], "byte %d", at)
	}
}

// A recorder remembers what was read, and has a gap of its own.
type recorder struct {
	io.ReaderAt
	gap   int
	reads [][2]int64 // begin and end
}

func (r *recorder) ReadAt(p []byte, off int64) (int, error) {
	r.reads = append(r.reads, [2]int64{off, off + int64(len(p))})
	return r.ReaderAt.ReadAt(p, off)
}

func (r *recorder) ReadGap() int { return r.gap }

// calls are the ranges that read asks for, each once: the rest of one after a short
// read is no range of its own.
func (r *recorder) calls(read func()) (calls [][2]int64) {
	r.reads = nil
	read()
	for _, c := range r.reads {
		if n := len(calls); n == 0 || calls[n-1][1] != c[1] {
			calls = append(calls, c)
		}
	}
	return calls
}
