package safetensors

// This file is about images: they are the files that Encode makes.

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/minio/crc64nvme"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

// placed plans an image of src, in memory that was used before.
func placed(t tb, src []Source, o *WriteOptions) (*Image, []byte) {
	t.Helper()
	m, err := PlanImage(SpecsOf(src), o)
	require.NoError(t, err)
	memory := bytes.Repeat([]byte{0xa5}, int(m.Size()))
	require.NoError(t, m.Place(memory))
	return m, memory
}

// Whatever the tensors and options: a sealed image is the file, and says its checksums; an
// image that is not sealed is the file with zeros for checksums.
func TestImageIsTheFile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		src, o := anySources(rt), anyOptions(rt)
		want := encodedWith(rt, src, o)
		m, memory := placed(rt, src, o)
		require.Equal(rt, int64(len(want)), m.Size())
		require.NoError(rt, m.Fill(t.Context(), src))
		if o.Checksums {
			l, err := layoutOfSources(src, must(o.checked()))
			require.NoError(rt, err)
			require.Equal(rt, l.header, memory[:len(l.header)])
		} else {
			require.Equal(rt, want, memory)
		}
		require.NoError(rt, m.Seal(t.Context()))
		require.Equal(rt, want, memory)
		requireSums(rt, m, src, want)

		// The next save, into other memory, of other numbers.
		for i := range src {
			src[i].Data = bytes.Clone(src[i].Data)
			for k := range src[i].Data {
				src[i].Data[k] += byte(i + k)
			}
		}
		want = encodedWith(rt, src, o)
		memory = make([]byte, m.Size())
		require.NoError(rt, m.Place(memory))
		for i, s := range src {
			require.Len(rt, m.Tensor(i), copy(m.Tensor(i), s.Data))
		}
		require.NoError(rt, m.Seal(t.Context()))
		require.Equal(rt, want, memory)
		requireSums(rt, m, src, want)
	})
}

func must[T any](x T, err error) T {
	if err != nil {
		panic(err)
	}
	return x
}

// requireSums compares what an image says with the bytes.
func requireSums(t tb, m *Image, src []Source, file []byte) {
	t.Helper()
	var names []string
	var sums []uint64
	for name, sum := range m.Sums() {
		names, sums = append(names, name), append(sums, sum)
	}
	require.Len(t, names, len(src))
	for i, s := range src {
		require.Equal(t, s.Name, names[i])
		require.Equal(t, crc64nvme.Checksum(s.Data), sums[i], "%q", s.Name)
	}
	require.Equal(t, crc64nvme.Checksum(file), m.FileSum())
}

// aroundPieces are tensors that end before, at and behind the ends of pieces.
func aroundPieces() (src []Source) {
	for i, size := range []int{0, imagePiece - 1, imagePiece, imagePiece + 1, 3*imagePiece + 5, 1} {
		s := counters(1, size)[0]
		s.Name = string(rune('a' + i))
		src = append(src, s)
	}
	return src
}

// Tensors of several pieces are the same, with data in hand and with data that is made.
func TestImageOfLargeTensors(t *testing.T) {
	o := &WriteOptions{Checksums: true, Align: 4096}
	src := aroundPieces()
	want := encodedWith(t, src, o)
	for range 2 {
		m, memory := placed(t, src, o)
		require.NoError(t, m.Fill(t.Context(), src))
		require.NoError(t, m.Seal(t.Context()))
		require.True(t, bytes.Equal(want, memory))
		for i := range src {
			src[i].WriteData, src[i].Data = inParts(src[i].Data, 70_001), nil
		}
	}
}

// A save that is not the first allocates nothing of the size of the data.
func TestImageIsReused(t *testing.T) {
	skipIfRaced(t)
	const size = 32 << 20
	src := counters(2, size/2)
	m, memory := placed(t, src, &WriteOptions{Checksums: true})
	got := allocated(func() {
		require.NoError(t, m.Place(memory))
		require.NoError(t, m.Fill(t.Context(), src))
		require.NoError(t, m.Seal(t.Context()))
	})
	require.Less(t, got, 32<<10)
}

// A plan costs nothing of what is claimed, even if no machine could hold it.
func TestPlanOfAnImageIsSmall(t *testing.T) {
	var m *Image
	var err error
	got := allocated(func() { m, err = PlanImage([]Spec{{"w", U8, []int{1 << 30, 1 << 30}}}, nil) })
	require.NoError(t, err)
	require.Greater(t, m.Size(), int64(1<<60))
	require.Less(t, got, 64<<10)
	require.ErrorIs(t, m.Place(make([]byte, 100)), ErrSize)
	require.Nil(t, m.Tensor(0))
}

func TestImageRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		specs []Spec
		o     WriteOptions
		kind  ErrorKind
	}{
		"a name twice":      {[]Spec{{"w", U8, nil}, {"w", U8, nil}}, WriteOptions{}, ErrDuplicate},
		"the file's own":    {[]Spec{{"__metadata__", U8, nil}}, WriteOptions{}, ErrReserved},
		"dims overflow":     {[]Spec{{"w", U8, []int{math.MaxInt, math.MaxInt, math.MaxInt}}}, WriteOptions{}, ErrOverflow},
		"metadata of bytes": {nil, WriteOptions{Metadata: map[string]string{"k": "\xff"}}, ErrHeaderUTF8},
	} {
		_, err := PlanImage(c.specs, &c.o)
		requireKind(t, c.kind, err, name)
	}
	_, err := PlanImage(nil, &WriteOptions{Align: 3})
	require.ErrorContains(t, err, "Align is 3")

	src := counters(2, 10)
	m, err := PlanImage(SpecsOf(src), nil)
	require.NoError(t, err)
	require.ErrorContains(t, m.Fill(t.Context(), src), "call Place first")
	require.ErrorContains(t, m.Seal(t.Context()), "call Place first")
	for _, size := range []int64{0, m.Size() - 1, m.Size() + 1} {
		require.ErrorIs(t, m.Place(make([]byte, size)), ErrSize, "%d", size)
	}
}

// Sources must be those that were planned, with data of their size.
func TestFillRefuses(t *testing.T) {
	planned := counters(2, 10)
	m, memory := placed(t, planned, nil)
	before := bytes.Clone(memory)
	for text, change := range map[string]func(src []Source) []Source{
		"1 sources for 2 specs":           func(src []Source) []Source { return src[:1] },
		`source 1 is "x"`:                 func(src []Source) []Source { src[1].Name = "x"; return src },
		"its spec says \"t00\", U8 [10]":  func(src []Source) []Source { src[0].DType = I8; return src },
		`source 0 is "t00", U8 [2 5]`:     func(src []Source) []Source { src[0].Shape = []int{2, 5}; return src },
		`source 0 is "t01"`:               func(src []Source) []Source { slices.Reverse(src); return src },
		"9 bytes of data, shape [10] of ": func(src []Source) []Source { src[1].Data = src[1].Data[:9]; return src },
	} {
		require.ErrorContains(t, m.Fill(t.Context(), change(counters(2, 10))), text)
		require.Equal(t, before, memory)
	}
	made := func(write func(io.Writer) error) []Source {
		src := counters(2, 10)
		src[0].Data, src[0].WriteData = nil, write
		return src
	}
	err := m.Fill(t.Context(), made(func(io.Writer) error { return errCut }))
	require.ErrorIs(t, err, errCut)
	require.ErrorContains(t, err, `tensor "t00"`)
	for _, n := range []int{0, 9, 11, 100} {
		require.ErrorIs(t, m.Fill(t.Context(), made(inParts(counted(n), 3))), ErrSize, "%d", n)
		require.Equal(t, planned[1].Data, m.Tensor(1), "the neighbour")
	}
}

// A parameter over a mapped file that somebody cut short is an error that names it.
func TestFillFromMemoryThatFaults(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a mapped file cannot be truncated on Windows")
	}
	path := written(t, encoded(t, nil, counters(1, 3*imagePiece)...))
	f, err := Open(path, nil)
	require.NoError(t, err)
	defer f.Close()
	src := counters(1, 3*imagePiece)
	src[0].Data, err = tensorOf(t, f, "t00").Bytes()
	require.NoError(t, err)
	m, _ := placed(t, src, nil)
	require.NoError(t, os.Truncate(path, page))
	made := []Source{src[0]}
	made[0].Data, made[0].WriteData = nil, inParts(src[0].Data, 70_001)
	for _, s := range [][]Source{src, made} {
		err = m.Fill(t.Context(), s)
		require.ErrorIs(t, err, mmap.ErrFault)
		require.ErrorContains(t, err, `tensor "t00"`)
	}
}

// What is cancelled says why, and leaves header and sums alone.
func TestImageIsCancelled(t *testing.T) {
	why := errors.New("the user pressed Ctrl-C")
	o := &WriteOptions{Checksums: true}
	src := counters(2, 100)
	m, memory := placed(t, src, o)
	require.NoError(t, m.Fill(t.Context(), src))
	before := bytes.Clone(memory)
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	require.ErrorIs(t, m.Seal(ctx), why)
	require.ErrorIs(t, m.Fill(ctx, src), why)
	require.Equal(t, before, memory)
	require.Zero(t, m.FileSum())

	// In the middle: the first tensor that is made is the last.
	ctx, cancel = context.WithCancelCause(t.Context())
	defer cancel(nil)
	calls := 0
	for i := range src {
		data := src[i].Data
		src[i].Data, src[i].WriteData = nil, func(w io.Writer) error {
			calls++
			cancel(why)
			_, err := w.Write(data)
			return err
		}
	}
	require.ErrorIs(t, m.Fill(ctx, src), why)
	require.Equal(t, 1, calls)
	require.NoError(t, m.Seal(t.Context()))
}
