package safetensors

// This file states the law of slices: any chain of slices of any tensor, read in
// any way from any source, is what the simplest code makes of it.

import (
	"io"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSliceChains(t *testing.T) {
	for seed := range uint64(600) {
		requireSlicesRead(t, rand.New(rand.NewPCG(seed, 0)))
	}
}

// FuzzSlices is the same law, for go test -fuzz.
func FuzzSlices(f *testing.F) {
	source := rand.NewChaCha8([32]byte{})
	for range 20 {
		seed := make([]byte, 200)
		_, _ = source.Read(seed) // it never fails
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, choices []byte) { requireSlicesRead(t, rand.New((*chosen)(&choices))) })
}

// A chosen is choices as a source of them, a byte each.
type chosen []byte

func (c *chosen) Uint64() uint64 {
	const rest = 1<<55 - 1 // all zeros would be drawn again and again
	if len(*c) == 0 {
		return rest
	}
	b := (*c)[0]
	*c = (*c)[1:]
	return uint64(b)<<56 | rest
}

func requireSlicesRead(t *testing.T, rng *rand.Rand) {
	d := randomDType(rng)
	shape := randomShape(rng, d)
	bits := d.Bits()
	data := counted(product(shape) * bits / 8)
	before := Source{Name: "before", DType: U64, Shape: []int{3}, Data: counted(24)}
	file := encoded(t, nil, before, Source{Name: "x", DType: d, Shape: shape, Data: data})

	r := &recorder{ReaderAt: stingyReader(file), gap: rng.IntN(42) - 1}
	files := openedAnywhere(t, t.TempDir(), file, r)
	parts := make([]Tensor, len(files))
	for i, f := range files {
		parts[i] = tensorOf(t, f, "x")
	}
	want := newPlain(shape)
	for range oneOf(rng, 0, 1, 1, 1, 2, 2, 3) {
		ix := randomIndexes(rng, want.shape)
		next, wantErr := want.slice(ix)
		if wantErr == nil && next.splitsByte(bits) {
			wantErr = ErrMisaligned
		}
		for i, part := range parts {
			got, err := part.Slice(ix...)
			require.ErrorIs(t, err, wantErr, "%v of %v", ix, want.shape)
			if err == nil {
				require.Equal(t, nilIfEmpty(next.shape), nilIfEmpty(got.Shape()), "%v of %v", ix, want.shape)
				parts[i] = got
			}
		}
		if wantErr == nil {
			want = next
		}
	}
	requirePart(t, rng, parts, want.bytes(data, bits))
	requireReads(t, r, parts[len(parts)-1], want, bits)
	for _, f := range files {
		require.NoError(t, f.Close())
	}
}

// oneOf draws from choices; some may stand in it more than once.
func oneOf[T any](rng *rand.Rand, choices ...T) T { return choices[rng.IntN(len(choices))] }

func randomDType(rng *rand.Rand) DType {
	if rng.IntN(5) == 0 {
		return oneOf(rng, F4, F6E2M3, F6E3M2)
	}
	return Bool + DType(rng.IntN(int(U64-Bool)+1))
}

// randomShape is one whose elements fill whole bytes of d.
func randomShape(rng *rand.Rand, d DType) (shape []int) {
	for range oneOf(rng, 0, 1, 2, 2, 3, 3, 3, 4, 4, 5) {
		shape = append(shape, oneOf(rng, 1, 2, 3, 4, 5, 6, 8))
	}
	if len(shape) > 0 && rng.IntN(10) == 0 {
		shape[rng.IntN(len(shape))] = 0
	}
	if product(shape)*d.Bits()%8 != 0 {
		shape = append(shape, oneOf(rng, 4, 8))
	}
	return shape
}

// randomIndexes are as many as there are axes, or fewer, or with an ellipsis; seldom
// too many.
func randomIndexes(rng *rand.Rand, shape []int) (ix []Index) {
	for _, n := range shape {
		ix = append(ix, randomIndex(rng, n))
	}
	begin, end := rng.IntN(len(ix)+1), rng.IntN(len(ix)+1)
	begin, end = min(begin, end), max(begin, end)
	switch rng.IntN(20) {
	case 0, 1, 2, 3, 4:
		return slices.Concat(ix[:begin], []Index{Ellipsis()}, ix[end:])
	case 5, 6, 7:
		return ix[:end]
	case 8:
		return append(ix, Ellipsis(), Ellipsis())
	case 9:
		return append(ix, All())
	}
	return ix
}

// randomIndex mostly selects something of n.
func randomIndex(rng *rand.Rand, n int) Index {
	anywhere := func() int { return oneOf(rng, Begin, End, rng.IntN(n+3), -rng.IntN(n+3)) }
	lo, hi := rng.IntN(n/3+1), n-rng.IntN(n/3+1)
	switch rng.IntN(16) {
	case 0, 1, 2:
		return All()
	case 3, 4:
		return At(rng.IntN(2*n+1) - n)
	case 5:
		return Range(anywhere(), anywhere()).By(oneOf(rng, 1, -1, 2, -2, 0, Begin, End))
	case 6, 7:
		return Range(lo-n, hi).By(oneOf(rng, 1, 2, 3, 5))
	case 8, 9, 10:
		return Range(hi-1, lo-n-1).By(-oneOf(rng, 1, 1, 2, 3))
	case 11, 12:
		return All().By(oneOf(rng, -1, -2, 2, 3))
	}
	return Range(lo, hi)
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
func requirePart(t *testing.T, rng *rand.Rand, parts []Tensor, want []byte) {
	off, n := rng.IntN(len(want)+1), rng.IntN(len(want)+3)
	for _, part := range parts {
		require.Equal(t, int64(len(want)), part.Size())
		require.Equal(t, want, bytesOf(t, part))
		b, err := part.Bytes()
		require.NoError(t, err)
		require.Equal(t, want, append([]byte{}, b...))

		p := make([]byte, n)
		got, err := part.ReadAt(p, int64(off))
		require.Equal(t, min(n, len(want)-off), got)
		require.Equal(t, want[off:off+got], p[:got])
		if got < n {
			require.ErrorIs(t, err, io.EOF)
		} else {
			require.NoError(t, err)
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
