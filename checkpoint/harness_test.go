package checkpoint

// This file has what the tests of saving and loading share: models with known
// numbers, files made by hand, and oracles that know nothing of our own code.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// counting makes a float32 tensor of 0, 1, 2, ... in row order.
func counting(shape ...int) *tensor.Dense { return countingFrom(0, shape...) }

// countingFrom makes a float32 tensor of from, from+1, ... in row order.
func countingFrom(from float32, shape ...int) *tensor.Dense {
	d := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	for i := range len(d.Raw) / 4 {
		binary.NativeEndian.PutUint32(d.Raw[4*i:], math.Float32bits(from+float32(i)))
	}
	return d
}

// count is n numbers from from on.
func count(from float32, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = from + float32(i)
	}
	return x
}

// denseOf gives the Dense behind a tensor that a method of tensor returned.
func denseOf(t testing.TB, v tensor.Tensor, err error) *tensor.Dense {
	t.Helper()
	require.NoError(t, err)
	require.IsType(t, &tensor.Dense{}, v)
	return v.(*tensor.Dense)
}

// saved saves m to a new file and returns its path.
func saved(t testing.TB, m Model, o *SaveOptions) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	require.NoError(t, SaveModel(t.Context(), path, m, o))
	return path
}

// openPath opens a file until the test ends.
func openPath(t testing.TB, path string) *safetensors.File {
	t.Helper()
	f, err := safetensors.Open(path, nil)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return f
}

// fileFrom encodes tensors by hand, for loading.
func fileFrom(t testing.TB, metadata map[string]string, src ...safetensors.Source) *safetensors.File {
	t.Helper()
	f, err := safetensors.OpenBytes(bytesFrom(t, metadata, src...), nil)
	require.NoError(t, err)
	return f
}

func bytesFrom(t testing.TB, metadata map[string]string, src ...safetensors.Source) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, safetensors.Encode(&b, src, &safetensors.WriteOptions{Metadata: metadata}))
	return b.Bytes()
}

// floatsIn is a stored F32 tensor.
func floatsIn(name string, shape []int, x ...float32) safetensors.Source {
	return numbersIn(name, safetensors.F32, shape, x)
}

// numbersIn is a stored tensor of the numbers in the slice x.
func numbersIn(name string, d safetensors.DType, shape []int, x any) safetensors.Source {
	data, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(err)
	}
	return safetensors.Source{Name: name, DType: d, Shape: shape, Data: append([]byte{}, data...)}
}

// float32sOf are the numbers of a stored tensor.
func float32sOf(t testing.TB, f *safetensors.File, name string) []float32 {
	t.Helper()
	x, err := f.Tensor(name)
	require.NoError(t, err)
	numbers, err := x.Float32s(nil)
	require.NoError(t, err)
	return numbers
}

// storedBytes are the bytes of a stored tensor.
func storedBytes(t testing.TB, f *safetensors.File, name string) []byte {
	t.Helper()
	x, err := f.Tensor(name)
	require.NoError(t, err)
	b, err := x.Bytes()
	require.NoError(t, err)
	return bytes.Clone(b)
}

// mustLoad loads a file into a model.
func mustLoad(t testing.TB, f *safetensors.File, m Model, o *LoadOptions) *Report {
	t.Helper()
	report, err := ReadModel(t.Context(), f, m, o)
	require.NoError(t, err)
	return report
}

// refused loads a file into a model, which must fail and leave every byte of the
// model as it was.
func refused(t testing.TB, f *safetensors.File, m Model, o *LoadOptions) error {
	t.Helper()
	before := liveBytes(m)
	report, err := ReadModel(t.Context(), f, m, o)
	require.Error(t, err)
	require.Nil(t, report)
	require.Equal(t, before, liveBytes(m), "a failed load changed the model")
	return err
}

// liveBytes is all of the memory behind a model, and where it is.
func liveBytes(m Model) map[string]string {
	all := map[string]string{}
	for name, v := range m.StateDict() {
		all[name] = describeValue(v.Value())
	}
	return all
}

func describeValue(v gorgonia.Value) string {
	switch x := v.(type) {
	case nil:
		return "none"
	case *tensor.Dense:
		return fmt.Sprintf("%p %v %v %v %x", x, x.Dtype(), x.Shape(), x.Strides(), x.Raw)
	}
	return fmt.Sprintf("%p %v", v, v.Data())
}

// elements are the bytes of each element in row order, little-endian, as Gorgonia's
// own At gives them.
func elements(t testing.TB, v gorgonia.Value) []byte {
	t.Helper()
	d, ok := v.(*tensor.Dense)
	if !ok || d.Shape().Dims() == 0 {
		return element(t, v.Data())
	}
	var all []byte
	eachIndex(d.Shape(), func(at []int) {
		x, err := d.At(at...)
		require.NoError(t, err)
		all = append(all, element(t, x)...)
	})
	return all
}

func element(t testing.TB, x any) []byte {
	t.Helper()
	switch n := x.(type) {
	case int:
		x = int64(n)
		if strconv.IntSize == 32 {
			x = int32(n)
		}
	case uint:
		x = uint64(n)
		if strconv.IntSize == 32 {
			x = uint32(n)
		}
	case complex64: // binary would go through float64, which changes NaNs
		x = []float32{real(n), imag(n)}
	}
	b, err := binary.Append(nil, binary.LittleEndian, x)
	require.NoError(t, err)
	return b
}

// eachIndex counts through the indexes of a shape, the last one fastest.
func eachIndex(shape []int, f func(at []int)) {
	for _, n := range shape {
		if n == 0 {
			return
		}
	}
	at := make([]int, len(shape))
	for {
		f(at)
		k := len(at) - 1
		for ; k >= 0; k-- {
			if at[k]++; at[k] < shape[k] {
				break
			}
			at[k] = 0
		}
		if k < 0 {
			return
		}
	}
}

// A scaler is a compiled graph: y = s * (x·W) + b, for a fixed x.
type scaler struct {
	g       *gorgonia.ExprGraph
	w, b, s *gorgonia.Node
	machine gorgonia.VM
	y       gorgonia.Value
}

// newScaler compiles the graph. W is (3, 2), b (2, 2), s a scalar.
func newScaler(t testing.TB, w, b *tensor.Dense, s float32) *scaler {
	t.Helper()
	n := &scaler{g: gorgonia.NewGraph()}
	x := gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("x"), gorgonia.WithValue(countingFrom(1, 2, 3)))
	n.w = gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("w"), gorgonia.WithValue(w))
	n.b = gorgonia.NewMatrix(n.g, gorgonia.Float32, gorgonia.WithName("b"), gorgonia.WithValue(b))
	n.s = gorgonia.NewScalar(n.g, gorgonia.Float32, gorgonia.WithName("s"), gorgonia.WithValue(s))
	y := gorgonia.Must(gorgonia.Add(gorgonia.Must(gorgonia.Mul(n.s, gorgonia.Must(gorgonia.Mul(x, n.w)))), n.b))
	gorgonia.Read(y, &n.y)
	n.machine = gorgonia.NewTapeMachine(n.g)
	t.Cleanup(func() { require.NoError(t, n.machine.Close()) })
	return n
}

func (n *scaler) model() Model { return FromNodes(n.w, n.b, n.s) }

// run computes y.
func (n *scaler) run(t testing.TB) []float32 {
	t.Helper()
	n.machine.Reset()
	require.NoError(t, n.machine.RunAll())
	return append([]float32{}, n.y.Data().([]float32)...)
}
