package safetensors

// This file holds slices against copies made one element at a time.

import (
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The cases are those in which readers of the format differ from each other: S1 and
// so on of the list that this package was made to.
func TestSlice(t *testing.T) {
	shape := []int{10, 5}
	data := counted(200)
	f := opened(t, encoded(t, nil, Source{Name: "x", DType: F32, Shape: shape, Data: data}), nil)
	x := tensorOf(t, f, "x")
	for _, c := range []struct {
		ix    []Index
		shape []int
	}{
		// S1: whole, ranges, an index drops its axis
		{[]Index{}, []int{10, 5}},
		{[]Index{All()}, []int{10, 5}},
		{[]Index{Range(2, 4)}, []int{2, 5}},
		{[]Index{All(), Range(1, 3)}, []int{10, 2}},
		{[]Index{At(3), All()}, []int{5}},
		{[]Index{At(3), At(2)}, nil},
		{[]Index{Range(9, 10), Range(4, 5)}, []int{1, 1}},
		// S2, S3: empty
		{[]Index{Range(10, End)}, []int{0, 5}},
		{[]Index{Range(10, 10)}, []int{0, 5}},
		{[]Index{Range(2, 1)}, []int{0, 5}},
		{[]Index{Range(100, 200)}, []int{0, 5}},
		{[]Index{Range(1, 2).By(-1)}, []int{0, 5}},
		// bounds past the axis
		{[]Index{Range(7, 100)}, []int{3, 5}},
		{[]Index{Range(Begin, 2)}, []int{2, 5}},
		{[]Index{Range(-300, -9)}, []int{1, 5}},
		// S6: from the end
		{[]Index{At(-1)}, []int{5}},
		{[]Index{All(), At(-5)}, []int{10}},
		{[]Index{Range(-3, End)}, []int{3, 5}},
		{[]Index{Range(0, -1), Range(0, -4)}, []int{9, 1}},
		// S7: steps
		{[]Index{All().By(2)}, []int{5, 5}},
		{[]Index{All().By(-1)}, []int{10, 5}},
		{[]Index{All(), All().By(-1)}, []int{10, 5}},
		{[]Index{All().By(-1), All().By(-2)}, []int{10, 3}},
		{[]Index{Range(1, End).By(3), Range(End, Begin).By(-2)}, []int{3, 3}},
		{[]Index{Range(7, 2).By(-2), At(1)}, []int{3}},
		{[]Index{All().By(math.MaxInt), All().By(math.MinInt)}, []int{1, 1}},
		// ellipses
		{[]Index{Ellipsis()}, []int{10, 5}},
		{[]Index{Ellipsis(), At(0)}, []int{10}},
		{[]Index{At(0), Ellipsis()}, []int{5}},
		{[]Index{At(0), Ellipsis(), Range(1, 2)}, []int{1}},
	} {
		part, err := x.Slice(c.ix...)
		require.NoError(t, err, "%v", c.ix)
		require.Equal(t, c.shape, nilIfEmpty(part.Shape()), "%v", c.ix)
		want, err := newPlain(shape).slice(c.ix)
		require.NoError(t, err)
		require.Equal(t, c.shape, nilIfEmpty(want.shape), "%v", c.ix)
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
		{"x", []Index{Ellipsis(), At(-11), All()}, ErrIndex, `safetensors: tensor "x": axis 0: index out of range: index -11 on 10 elements`},
		{"x", []Index{All(), All(), Ellipsis(), All()}, ErrIndex, `safetensors: tensor "x": index out of range: 3 indexes for 2 axes`},
		{"x", []Index{Ellipsis(), Ellipsis()}, ErrIndex, `safetensors: tensor "x": index out of range: more than one ellipsis in [..., ...]`},
		{"x", []Index{Ellipsis().By(2)}, ErrIndex, `safetensors: tensor "x": index out of range: an ellipsis with a step in [...:2]`},
		{"x", []Index{All(), All().By(0)}, ErrIndex, `safetensors: tensor "x": axis 1: index out of range: step 0 in ::0`},
		{"x", []Index{Range(1, 1).By(0)}, ErrIndex, `safetensors: tensor "x": axis 0: index out of range: step 0 in 1:1:0`},
		{"x", []Index{At(1).By(-1)}, ErrIndex, `safetensors: tensor "x": axis 0: index out of range: index 1 with step -1`},
		{"x", []Index{All(), All(), All()}, ErrIndex, `safetensors: tensor "x": index out of range: 3 indexes for 2 axes`},
		{"scalar", []Index{At(0)}, ErrIndex, `safetensors: tensor "scalar": index out of range: 1 indexes for 0 axes`},
		{"half", []Index{All(), Range(0, 1)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [:, 0:1] of shape [4 4] splits a byte of F4`},
		{"odd", []Index{All(), Range(0, 2)}, ErrMisaligned, `safetensors: tensor "odd": misaligned: slice [:, 0:2] of shape [2 3] splits a byte of F4`},
		{"half", []Index{At(1), Range(1, 3)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [1, 1:3] of shape [4 4] splits a byte of F4`},
		{"half", []Index{All(), All().By(-1)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [:, ::-1] of shape [4 4] splits a byte of F4`},
		{"half", []Index{All(), Range(0, 3).By(2)}, ErrMisaligned, `safetensors: tensor "half": misaligned: slice [:, 0:3:2] of shape [4 4] splits a byte of F4`},
	} {
		_, err := tensorOf(t, f, c.name).Slice(c.ix...)
		require.ErrorIs(t, err, c.err)
		require.EqualError(t, err, c.text)
	}
	for _, ix := range [][]Index{{All(), Range(0, 2)}, {Range(1, 3)}, {At(3)}, {At(2), Range(2, 4)}, {All(), Range(3, 3)}, {All().By(-1), Range(2, 4)}, {All().By(3)}, {Ellipsis(), Range(0, 2).By(1)}} {
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
		Source{Name: "most", DType: F32, Shape: []int{0, math.MaxInt, math.MaxInt}},
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
		{"flat", []Index{All().By(-1)}, []int{0, 3}},
		{"flat", []Index{All().By(2), All().By(-1)}, []int{0, 3}},
		{"flat", []Index{Ellipsis(), At(-3)}, []int{0}},
		{"most", []Index{All(), At(-1), All().By(-1)}, []int{0, math.MaxInt}},
		{"most", []Index{All(), All().By(math.MaxInt), Range(1, End).By(math.MaxInt - 1)}, []int{0, 1, 1}},
		{"most", []Index{All(), Range(End, Begin).By(math.MinInt), Range(5, Begin).By(-2)}, []int{0, 1, 3}},
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
