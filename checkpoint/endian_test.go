package checkpoint

// These tests pretend that the machine is big-endian: the memory of tensors then holds
// numbers with their highest byte first, and files hold them as always.

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func pretendBigEndian(t *testing.T) {
	if bigEndian {
		t.Skip("no need to pretend")
	}
	bigEndian = true
	t.Cleanup(func() { bigEndian = false })
}

// inMemory makes a tensor whose memory holds the numbers as a big-endian machine does.
func inMemory(host tensor.Dtype, numbers any, shape ...int) *tensor.Dense {
	d := tensor.New(tensor.Of(host), tensor.WithShape(shape...))
	b, err := binary.Append(nil, binary.BigEndian, numbers)
	if err != nil {
		panic(err)
	}
	copy(d.Raw, b)
	return d
}

func TestBigEndianMachines(t *testing.T) {
	pretendBigEndian(t)
	for _, c := range []struct {
		host    tensor.Dtype
		stored  safetensors.DType
		numbers any
	}{
		{tensor.Float32, safetensors.F32, []float32{1, -2.5, 3e38, 0}},
		{tensor.Float64, safetensors.F64, []float64{1, -2.5, 1e300, math.Pi}},
		{tensor.Int8, safetensors.I8, []int8{1, -2, 127, 0}},
		{tensor.Int16, safetensors.I16, []int16{1, -2, 0x1234, 0}},
		{tensor.Int32, safetensors.I32, []int32{1, -2, 0x12345678, 0}},
		{tensor.Int64, safetensors.I64, []int64{1, -2, 0x123456789abcdef0, 0}},
		{tensor.Uint8, safetensors.U8, []uint8{1, 2, 255, 0}},
		{tensor.Uint16, safetensors.U16, []uint16{1, 2, 0xfedc, 0}},
		{tensor.Uint32, safetensors.U32, []uint32{1, 2, 0xfedcba98, 0}},
		{tensor.Uint64, safetensors.U64, []uint64{1, 2, 0xfedcba9876543210, 0}},
		{tensor.Bool, safetensors.Bool, []bool{true, false, true, true}},
		{tensor.Complex64, safetensors.C64, []float32{1, 2, 3, 4, 5, 6, 7, 8}}, // pairs, each half swapped on its own
		{halfDtype, safetensors.F16, []uint16{0x3c00, 0xc000, 0x7bff, 0}},
		{bhalfDtype, safetensors.BF16, []uint16{0x3f80, 0xc000, 0x7f7f, 0}},
	} {
		live := inMemory(c.host, c.numbers, 2, 2)
		before := bytes.Clone(live.Raw)
		f := openPath(t, saved(t, one(live), &SaveOptions{Checksums: true}))
		require.Equal(t, numbersIn("x", c.stored, nil, c.numbers).Data, storedBytes(t, f, "x"), "%s", c.stored)
		require.Equal(t, before, live.Raw, "saving must not swap the model's bytes")

		back := tensor.New(tensor.Of(c.host), tensor.WithShape(2, 2))
		mustLoad(t, f, one(back), nil)
		require.Equal(t, before, back.Raw, "%s", c.stored)

		x, err := f.Tensor("x")
		require.NoError(t, err)
		dense, err := Dense(x)
		require.NoError(t, err)
		require.Equal(t, before, dense.Raw, "%s", c.stored)
	}
}

func TestBigEndianStridesAndCasts(t *testing.T) {
	pretendBigEndian(t)
	live := inMemory(tensor.Float32, []float32{0, 1, 2, 3, 4, 5}, 3, 2)
	require.NoError(t, live.T())
	turned := []float32{0, 2, 4, 1, 3, 5}
	f := openPath(t, saved(t, one(live), &SaveOptions{DType: func(string) safetensors.DType { return safetensors.F64 }}))
	require.Equal(t, numbersIn("x", safetensors.F64, nil, []float64{0, 2, 4, 1, 3, 5}).Data, storedBytes(t, f, "x"))

	back := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
	report := mustLoad(t, f, one(back), &LoadOptions{Cast: CastExact})
	require.Zero(t, report.Casts[0].Rounded)
	require.Equal(t, inMemory(tensor.Float32, turned, 2, 3).Raw, back.Raw)

	narrow := fileFrom(t, nil, safetensors.Source{Name: "x", DType: safetensors.F8E4M3, Shape: []int{2, 3}, Data: bytes.Repeat([]byte{0x38}, 6)})
	mustLoad(t, narrow, one(live), &LoadOptions{Cast: CastExact})
	require.Equal(t, inMemory(tensor.Float32, []float32{1, 1, 1, 1, 1, 1}, 6).Raw, live.Raw)

	integers := fileFrom(t, nil, numbersIn("x", safetensors.I8, []int{2}, []int8{-2, 5}))
	wide := tensor.New(tensor.Of(tensor.Int64), tensor.WithShape(2))
	mustLoad(t, integers, one(wide), &LoadOptions{Cast: CastExact})
	require.Equal(t, inMemory(tensor.Int64, []int64{-2, 5}, 2).Raw, wide.Raw)
}

// Ties and overlaps are compared as memory, whatever its order.
func TestBigEndianConflicts(t *testing.T) {
	pretendBigEndian(t)
	backing := make([]float32, 100)
	mustLoad(t, fileFrom(t, nil, sourcesIn(storedViews(count(0, 100), nested))...), FromValues(views(backing, nested)), nil)
	require.Equal(t, inMemory(tensor.Float32, count(0, 100), 100).Data(), backing)
	l := tiedLayers()
	refused(t, fileFrom(t, nil, weightOf("a", 0), biasOf("a", 0), weightOf("b", 1), biasOf("b", 0)), l.model(), nil)
}

// This machine's own order is known.
func TestByteOrderOfThisMachine(t *testing.T) {
	d := counting(2)
	require.Equal(t, bigEndian, d.Raw[4] == 0x3f, "1 is 3f800000")
}
