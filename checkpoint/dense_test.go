package checkpoint

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Every tensor of a file of the reference, as Gorgonia has it.
func TestDenseOfEveryDType(t *testing.T) {
	f := openPath(t, "../testdata/safetensors-py-dtypes.safetensors")
	hosts := map[safetensors.DType]tensor.Dtype{}
	for _, kind := range storable {
		if _, ok := hosts[kind.stored]; !ok {
			hosts[kind.stored] = kind.host
		}
	}
	for name, x := range f.All() {
		d, err := Dense(x)
		host, ok := hosts[x.DType()]
		if !ok {
			require.ErrorIs(t, err, safetensors.ErrDType, name)
			require.ErrorContains(t, err, name)
			require.Nil(t, d)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, host, d.Dtype(), name)
		require.Equal(t, x.Shape(), []int(d.Shape()))
		require.Equal(t, storedBytes(t, f, name), elements(t, d))
	}
	x, err := f.Tensor("float32")
	require.NoError(t, err)
	d, err := Dense(x)
	require.NoError(t, err)
	require.Equal(t, []float32{-2, -1, 0, 1, 2, 3}, d.Data())
}

func TestDenseOfEveryShape(t *testing.T) {
	f := openPath(t, "../testdata/safetensors-py-shapes.safetensors")
	for name, x := range f.All() {
		d, err := Dense(x)
		require.NoError(t, err, name)
		require.Equal(t, append([]int{}, x.Shape()...), append([]int{}, d.Shape()...))
		require.Equal(t, storedBytes(t, f, name), append([]byte{}, d.Raw...))
	}
	scalar, err := f.Tensor("scalar")
	require.NoError(t, err)
	d, err := Dense(scalar)
	require.NoError(t, err)
	require.Equal(t, float32(1.5), d.Data())
}

// It stays when the file goes, and lives in a graph.
func TestDenseOwnsItsMemory(t *testing.T) {
	path := saved(t, one(counting(3, 2)), nil)
	f, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	x, err := f.Tensor("x")
	require.NoError(t, err)
	w, err := Dense(x)
	require.NoError(t, err)
	rows, err := x.Slice(safetensors.Range(1, 3))
	require.NoError(t, err)
	part, err := Dense(rows)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Equal(t, count(2, 4), part.Data())

	n := newScaler(t, w, counting(2, 2), 1)
	require.Equal(t, []float32{16, 23, 36, 52}, n.run(t))
	_, err = Dense(x)
	require.ErrorIs(t, err, safetensors.ErrClosed)
}

func TestDenseBoolsAreZeroOrOne(t *testing.T) {
	f := fileFrom(t, nil, safetensors.Source{Name: "b", DType: safetensors.Bool, Shape: []int{4}, Data: []byte{0, 1, 2, 255}})
	x, err := f.Tensor("b")
	require.NoError(t, err)
	d, err := Dense(x)
	require.NoError(t, err)
	require.Equal(t, []byte{0, 1, 1, 1}, d.Raw)
	require.Equal(t, []bool{false, true, true, true}, d.Data())
}

// Every dtype has one host, and the table goes both ways.
func TestDTypeTable(t *testing.T) {
	for _, kind := range storable {
		got, err := storedDType(kind.host)
		require.NoError(t, err)
		require.Equal(t, kind.stored, got)
		host, err := hostDtype(kind.stored)
		require.NoError(t, err)
		back, err := storedDType(host)
		require.NoError(t, err)
		require.Equal(t, kind.stored, back)
		require.Equal(t, kind.stored.Bits(), 8*int(kind.host.Size()))
	}
	for _, host := range []tensor.Dtype{tensor.Complex128, tensor.String, tensor.Uintptr, tensor.UnsafePointer} {
		_, err := storedDType(host)
		require.ErrorContains(t, err, "cannot be stored")
	}
	v, err := newValue(tensor.Float32, tensor.Shape{})
	require.NoError(t, err)
	require.IsType(t, gorgonia.NewF32(0), v)
	require.Equal(t, safetensors.I64, wordDType(safetensors.I64, safetensors.I64))
	require.Equal(t, math.MaxInt == math.MaxInt64, wordDType(safetensors.I64, safetensors.I32) == safetensors.I64)
}
