package checkpoint

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// lentFile is a file of two float32 matrices, one of them under two names, and a counter.
func lentFile(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "model.safetensors")
	shared := tensor.New(tensor.WithShape(2, 3), tensor.WithBacking([]float32{1, 2, 3, 4, 5, 6}))
	require.NoError(t, SaveModel(context.Background(), path, FromValues(map[string]gorgonia.Value{
		"a":       shared,
		"b":       shared,
		"bias":    tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{7, 8})),
		"batches": tensor.New(tensor.FromScalar(int64(9))),
	}), nil))
	return path
}

func TestLenderLendsTheFilesMemory(t *testing.T) {
	f, err := safetensors.Open(lentFile(t), &safetensors.OpenOptions{CopyOnWrite: true})
	require.NoError(t, err)
	defer f.Close()
	l := NewLender(f)
	a, err := l.Take("a", tensor.Float32, tensor.Shape{2, 3})
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3, 4, 5, 6}, a.Data())
	b, err := l.Take("b", tensor.Float32, tensor.Shape{2, 3})
	require.NoError(t, err)
	require.Equal(t, a.Uintptr(), b.Uintptr(), "it is copied")

	var mismatch *MismatchError
	require.ErrorAs(t, l.Unused(), &mismatch)
	require.Equal(t, []string{"batches", "bias"}, mismatch.Unexpected)
	bias, err := l.Take("bias", tensor.Float64, tensor.Shape{2})
	require.NoError(t, err)
	require.Equal(t, []float64{7, 8}, bias.Data())
	batches, err := l.Take("batches", tensor.Int64, nil)
	require.NoError(t, err)
	require.Equal(t, int64(9), batches.Data())
	require.Equal(t, 0, batches.Dims())
	require.NoError(t, l.Unused())
}

func TestLenderRefuses(t *testing.T) {
	path := lentFile(t)
	f, err := safetensors.Open(path, &safetensors.OpenOptions{CopyOnWrite: true})
	require.NoError(t, err)
	defer f.Close()
	l := NewLender(f)
	_, err = l.Take("c", tensor.Float32, tensor.Shape{2})
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorContains(t, err, `"c"`)
	_, err = l.Take("a", tensor.Float32, tensor.Shape{3, 2})
	require.ErrorIs(t, err, ErrMismatch)
	_, err = l.Take("a", tensor.Float64, tensor.Shape{2, 3})
	require.ErrorIs(t, err, safetensors.ErrDType)
	_, err = l.Take("bias", tensor.Float32, tensor.Shape{2})
	require.ErrorIs(t, err, safetensors.ErrDType, "float32 does not hold every float64")
	_, err = l.Take("a", tensor.Bool, tensor.Shape{2, 3})
	require.ErrorIs(t, err, safetensors.ErrDType)

	locked, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	defer locked.Close()
	_, err = NewLender(locked).Take("a", tensor.Float32, tensor.Shape{2, 3})
	require.ErrorContains(t, err, "CopyOnWrite")
}

func TestLenderWidensHalves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "half.safetensors")
	half := tensor.New(tensor.WithShape(2), tensor.WithBacking([]safetensors.BFloat16{0x3f80, 0xc000}))
	require.NoError(t, SaveModel(context.Background(), path, FromValues(map[string]gorgonia.Value{"h": half}), nil))
	f, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	defer f.Close()
	h, err := NewLender(f).Take("h", tensor.Float32, tensor.Shape{2})
	require.NoError(t, err)
	require.Equal(t, []float32{1, -2}, h.Data())
}
