package safetensors

// This file is about tensors as Go numbers: which type each dtype has, when a
// view is the file's own memory, and what the numbers are.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// everyDType is a file with a tensor of shape [2,4] of each dtype, by the name of
// the dtype, its bytes all different.
func everyDType(t tb) []byte {
	var src []Source
	for d := Bool; d <= U64; d++ {
		src = append(src, Source{Name: d.String(), DType: d, Shape: []int{2, 4}, Data: counted(d.Bits())})
	}
	return encoded(t, nil, src...)
}

func TestAsTakesTheStoredTypeOnly(t *testing.T) {
	for _, o := range []*OpenOptions{nil, {NoMmap: true}} {
		f, err := Open(written(t, everyDType(t)), o)
		require.NoError(t, err)
		testAs[int8](t, f, I8)
		testAs[uint8](t, f, U8, Bool, F4, F6E2M3, F6E3M2, F8E5M2, F8E4M3, F8E8M0, F8E4M3FNUZ, F8E5M2FNUZ)
		testAs[int16](t, f, I16)
		testAs[uint16](t, f, U16)
		testAs[int32](t, f, I32)
		testAs[uint32](t, f, U32)
		testAs[int64](t, f, I64)
		testAs[uint64](t, f, U64)
		testAs[float32](t, f, F32)
		testAs[float64](t, f, F64)
		testAs[complex64](t, f, C64)
		testAs[Float16](t, f, F16)
		testAs[BFloat16](t, f, BF16)
		require.NoError(t, f.Close())
	}
}

// testAs asks for every tensor as T and requires values of those dtypes, and an
// error for the rest.
func testAs[T Element](t *testing.T, f *File, dtypes ...DType) {
	for name, x := range f.All() {
		v, err := As[T](x)
		if !slices.Contains(dtypes, x.DType()) {
			require.ErrorIs(t, err, ErrDType)
			require.Contains(t, err.Error(), name)
			require.Contains(t, err.Error(), fmt.Sprintf("%T", *new(T)))
			continue
		}
		require.NoError(t, err)
		want := make([]T, x.Size()/int64(sizeOf[T]()))
		_, err = binary.Decode(bytesOf(t, x), binary.LittleEndian, want)
		require.NoError(t, err)
		require.Equal(t, want, v.Data(), "%s as %T", name, *new(T))
		require.Equal(t, []int{2, 4}, v.Shape())
		if x.DType().Bits() >= 8 {
			require.Equal(t, want[6], v.At(1, 2))
		}
		require.Equal(t, v.Mapped(), v.Shared())
		require.Equal(t, zeroCopy && x.Mapped(), v.Shared())
	}
}

func TestViewIsTheFilesMemory(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{3, 2}, Data: counted(24)}, piece("y", F32, 0, 4))
	aligned := append(make([]byte, 0, len(file)), file...) // of the allocator, so at a multiple of 8
	f := opened(t, aligned, nil)
	x := tensorOf(t, f, "x")
	begin, end := x.Range()

	b, err := x.Bytes()
	require.NoError(t, err)
	require.Same(t, &aligned[begin], &b[0])
	require.Len(t, b, int(end-begin))
	require.Equal(t, len(b), cap(b), "a view must not grow into the next tensor")

	row, err := x.Slice(At(1))
	require.NoError(t, err)
	v, err := As[float32](row)
	require.NoError(t, err)
	require.Equal(t, zeroCopy, v.Shared())
	require.False(t, v.Mapped())
	before := v.Data()[0]
	binary.LittleEndian.PutUint32(aligned[begin+8:], math.Float32bits(77))
	if zeroCopy {
		require.Equal(t, float32(77), v.Data()[0])
		require.Equal(t, len(v.Data()), cap(v.Data()))
	} else {
		require.Equal(t, before, v.Data()[0])
	}

	column, err := x.Slice(All(), At(1))
	require.NoError(t, err)
	v, err = As[float32](column)
	require.NoError(t, err)
	require.False(t, v.Shared(), "what lies in pieces must be copied")
	require.Equal(t, []int{3}, v.Shape())
}

// A header of any length puts the data at any address. A view is the file's
// memory where the address suits the type, and right in any case.
func TestViewAtAnyAddress(t *testing.T) {
	for pad := range 16 {
		text := `{"x":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},"y":{"dtype":"I16","shape":[1],"data_offsets":[16,18]}}` + strings.Repeat(" ", pad)
		data := binary.LittleEndian.AppendUint64(nil, math.Float64bits(1.5))
		data = binary.LittleEndian.AppendUint64(data, math.Float64bits(-2.25))
		data = append(data, 0xfe, 0xff)
		file := frame(text, data)
		inMemory := opened(t, append(make([]byte, 0, len(file)), file...), nil)
		mapped, err := Open(written(t, file), nil)
		require.NoError(t, err)
		for _, f := range []*File{inMemory, mapped} {
			v, err := As[float64](tensorOf(t, f, "x"))
			require.NoError(t, err)
			require.Equal(t, []float64{1.5, -2.25}, v.Data())
			begin, _ := tensorOf(t, f, "x").Range()
			if begin%8 == 0 {
				require.Equal(t, zeroCopy, v.Shared())
			} else if begin%4 != 0 { // 32-bit machines align float64 to 4
				require.False(t, v.Shared())
				require.False(t, v.Mapped())
			}
			w, err := As[int16](tensorOf(t, f, "y"))
			require.NoError(t, err)
			require.Equal(t, []int16{-2}, w.Data())
			require.Equal(t, zeroCopy && begin%2 == 0, w.Shared())
		}
		require.NoError(t, mapped.Close())
	}
}

func TestViewOfScalarAndOfNothing(t *testing.T) {
	file := encoded(t, nil,
		Source{Name: "scalar", DType: I64, Data: binary.LittleEndian.AppendUint64(nil, 42)},
		Source{Name: "nothing", DType: U64, Shape: []int{2, 0}},
		Source{Name: "last", DType: Bool, Shape: []int{0}},
	)
	for _, f := range openedAnywhere(t, t.TempDir(), file, bytes.NewReader(file)) {
		v, err := As[int64](tensorOf(t, f, "scalar"))
		require.NoError(t, err)
		require.Empty(t, v.Shape())
		require.Equal(t, int64(42), v.At())
		w, err := As[uint64](tensorOf(t, f, "nothing"))
		require.NoError(t, err)
		require.Empty(t, w.Data())
		require.Equal(t, []int{2, 0}, w.Shape())
		b, err := As[uint8](tensorOf(t, f, "last"))
		require.NoError(t, err)
		require.Empty(t, b.Data())
		require.NoError(t, f.Close())
	}
}

// A dim that int cannot hold comes with no elements.
func TestShapeBeyondInt(t *testing.T) {
	f := opened(t, only("F32", "[0,"+maxU64+"]", "0", "0", 0).file(), nil)
	x := tensorOf(t, f, "t")
	require.Equal(t, []int{0, math.MaxInt}, x.Shape())
	v, err := As[float32](x)
	require.NoError(t, err)
	require.Empty(t, v.Data())
	part, err := x.Slice(All(), Range(-2, End))
	require.NoError(t, err)
	require.Equal(t, []int{0, 2}, part.Shape())
}

func TestViewAtPanicsLikeASlice(t *testing.T) {
	v, err := As[uint8](tensorOf(t, opened(t, encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{2, 3}, Data: counted(6)}), nil), "x"))
	require.NoError(t, err)
	require.Equal(t, uint8(5), v.At(1, 2))
	for _, index := range [][]int{{}, {1}, {0, 0, 0}, {2, 0}, {0, 3}, {-1, 0}} {
		require.Panics(t, func() { v.At(index...) }, "%v", index)
	}
}

// A source that fails half-way fails the read with the range it was at.
func TestReadErrorsAreReported(t *testing.T) {
	file := encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{1000}, Data: counted(4000)})
	broken := &brokenReader{file: file, from: int64(len(file))}
	f, err := NewFile(broken, int64(len(file)), nil)
	require.NoError(t, err)
	x := tensorOf(t, f, "x")
	broken.from = int64(len(file)) - 100
	want := fmt.Sprintf("read bytes [%d:%d): the line is cut", len(file)-100, len(file))
	column, err := x.Slice(Range(-50, End))
	require.NoError(t, err)
	for name, read := range map[string]func() error{
		"ReadInto":   func() error { return x.ReadInto(make([]byte, 4000)) },
		"ReadAt":     func() error { _, err := x.ReadAt(make([]byte, 4000), 0); return err },
		"Bytes":      func() error { _, err := x.Bytes(); return err },
		"As":         func() error { _, err := As[float32](x); return err },
		"Float32s":   func() error { _, err := x.Float32s(nil); return err },
		"of a slice": func() error { return column.ReadInto(make([]byte, 200)) },
	} {
		err := read()
		require.ErrorIs(t, err, errCut, name)
		require.ErrorContains(t, err, want, name)
		requirePlain(t, err)
	}
	broken.from = 4
	_, err = NewFile(broken, int64(len(file)), nil)
	require.ErrorIs(t, err, errCut)
	broken.from = 9
	_, err = NewFile(broken, int64(len(file)), nil)
	require.ErrorIs(t, err, errCut)
}

var errCut = errors.New("the line is cut")

// A brokenReader gives no byte from some position on.
type brokenReader struct {
	file []byte
	from int64
}

func (r *brokenReader) ReadAt(p []byte, off int64) (int, error) {
	n := copy(p[:max(0, min(int64(len(p)), r.from-off))], r.file[min(off, int64(len(r.file))):])
	if n < len(p) {
		return n, errCut
	}
	return n, nil
}
