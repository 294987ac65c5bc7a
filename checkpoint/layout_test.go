package checkpoint

// These tests are about memory: values that lie in any way are saved in row order
// and loaded in place, and what lies between their elements is left alone.

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A laidOut is a value that lies in memory in some way.
type laidOut struct {
	name   string
	value  gorgonia.Value
	around *tensor.Dense // whose memory it is, where that is another's
	shape  []int
	want   []float32 // in row order
}

func layouts(t testing.TB) []laidOut {
	transposed := func(d *tensor.Dense, axes ...int) *tensor.Dense {
		require.NoError(t, d.T(axes...))
		return d
	}
	slice := func(d *tensor.Dense, at ...tensor.Slice) *tensor.Dense {
		v, err := d.Slice(at...)
		return denseOf(t, v, err)
	}
	part := func(name string, shape []int, want []float32, at ...tensor.Slice) laidOut {
		matrix := counting(4, 5)
		return laidOut{name, slice(matrix, at...), matrix, shape, want}
	}
	turned := part("transposed columns", []int{2, 4}, []float32{1, 6, 11, 16, 2, 7, 12, 17}, nil, tensor.S(1, 3))
	transposed(turned.value.(*tensor.Dense))
	clone := slice(counting(4, 5), nil, tensor.S(1, 3)).Clone().(*tensor.Dense)
	return []laidOut{
		{"row-major", counting(2, 3), nil, []int{2, 3}, count(0, 6)},
		{"transposed", transposed(counting(3, 2)), nil, []int{2, 3}, []float32{0, 2, 4, 1, 3, 5}},
		{"three axes turned", transposed(counting(2, 3, 2), 2, 0, 1), nil, []int{2, 2, 3}, []float32{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}},
		part("rows", []int{2, 5}, count(5, 10), tensor.S(1, 3)),
		part("columns", []int{4, 2}, []float32{1, 2, 6, 7, 11, 12, 16, 17}, nil, tensor.S(1, 3)),
		part("block", []int{2, 3}, []float32{10, 11, 12, 15, 16, 17}, tensor.S(2, 4), tensor.S(0, 3)),
		part("one column", []int{4}, []float32{3, 8, 13, 18}, nil, tensor.S(3)),
		part("every other row", []int{2, 5}, []float32{0, 1, 2, 3, 4, 10, 11, 12, 13, 14}, tensor.S(0, 4, 2)),
		part("one element", []int{}, []float32{13}, tensor.S(2), tensor.S(3)),
		turned,
		{"clone of columns", clone, nil, []int{4, 2}, []float32{1, 2, 6, 7, 11, 12, 16, 17}},
		{"column-major", tensor.New(tensor.WithShape(2, 3), tensor.AsFortran(count(0, 6))), nil, []int{2, 3}, count(0, 6)},
		{"column vector", counting(3, 1), nil, []int{3, 1}, count(0, 3)},
		{"row vector, turned", transposed(counting(3, 1)), nil, []int{1, 3}, count(0, 3)},
		{"0-d tensor", tensor.New(tensor.FromScalar(float32(7))), nil, []int{}, []float32{7}},
		{"Go number", gorgonia.NewF32(7), nil, []int{}, []float32{7}},
		{"empty", counting(0, 3), nil, []int{0, 3}, []float32{}},
		{"empty inside", counting(2, 0, 3), nil, []int{2, 0, 3}, []float32{}},
	}
}

func TestSaveWritesEveryLayoutInRowOrder(t *testing.T) {
	for _, l := range layouts(t) {
		t.Run(l.name, func(t *testing.T) {
			m := FromValues(map[string]gorgonia.Value{"t": l.value})
			before := liveBytes(m)
			f := openPath(t, saved(t, m, nil))
			require.Equal(t, before, liveBytes(m), "saving changed the model")

			stored, err := f.Tensor("t")
			require.NoError(t, err)
			require.Equal(t, safetensors.F32, stored.DType())
			require.Equal(t, l.shape, append([]int{}, stored.Shape()...))
			require.Equal(t, l.want, append([]float32{}, float32sOf(t, f, "t")...))
		})
	}
}

func TestLoadWritesEveryLayoutInPlace(t *testing.T) {
	for _, l := range layouts(t) {
		t.Run(l.name, func(t *testing.T) {
			numbers := make([]float32, len(l.want))
			for i := range numbers {
				numbers[i] = 1000 + float32(i)
			}
			between := map[float32]bool{} // the numbers of l.around that are not l's
			if l.around != nil {
				for _, x := range l.around.Data().([]float32) {
					between[x] = true
				}
				for _, x := range l.want {
					delete(between, x)
				}
			}
			mustLoad(t, fileFrom(t, nil, floatsIn("t", l.shape, numbers...)), FromValues(map[string]gorgonia.Value{"t": l.value}), nil)

			want, got := element(t, numbers), elements(t, l.value)
			require.True(t, bytes.Equal(want, got), "want %v, got %v", numbers, got)
			if l.around != nil {
				for _, x := range l.around.Data().([]float32) {
					delete(between, x)
				}
				require.Empty(t, between, "loading changed numbers beside the view")
			}
		})
	}
}

// storable are the dtypes that a tensor of Gorgonia's can have and a file can hold.
var storable = []struct {
	host   tensor.Dtype
	stored safetensors.DType
}{
	{tensor.Float32, safetensors.F32},
	{tensor.Float64, safetensors.F64},
	{tensor.Int8, safetensors.I8},
	{tensor.Int16, safetensors.I16},
	{tensor.Int32, safetensors.I32},
	{tensor.Int64, safetensors.I64},
	{tensor.Int, wordDType(safetensors.I64, safetensors.I32)},
	{tensor.Uint8, safetensors.U8},
	{tensor.Uint16, safetensors.U16},
	{tensor.Uint32, safetensors.U32},
	{tensor.Uint64, safetensors.U64},
	{tensor.Uint, wordDType(safetensors.U64, safetensors.U32)},
	{tensor.Bool, safetensors.Bool},
	{tensor.Complex64, safetensors.C64},
	{halfDtype, safetensors.F16},
	{bhalfDtype, safetensors.BF16},
}

// drawDense makes a tensor of that dtype and shape, in any layout, with any bytes: it
// is cut from a larger one and its axes are turned. (Gorgonia cannot cut an empty
// tensor, and drops an axis that is cut to one.)
func drawDense(t *rapid.T, host tensor.Dtype, shape []int) *tensor.Dense {
	order := rapid.Permutation(upTo(len(shape))).Draw(t, "order in memory")
	whole, cut := make([]int, len(shape)), make([]tensor.Slice, len(shape))
	isCut := false
	for k, n := range shape {
		axis := order[k]
		whole[axis] = n
		if n > 1 && !slices.Contains(shape, 0) {
			begin, more := rapid.IntRange(0, 2).Draw(t, "before"), rapid.IntRange(0, 2).Draw(t, "behind")
			whole[axis] += begin + more
			cut[axis], isCut = tensor.S(begin, begin+n), true
		}
	}
	d := tensor.New(tensor.Of(host), tensor.WithShape(whole...))
	drawBytes(t, host, d.Raw)
	if isCut {
		v, err := d.Slice(cut...)
		require.NoError(t, err)
		d = v.(*tensor.Dense)
	}
	if !slices.IsSorted(order) {
		require.NoError(t, d.T(order...))
	}
	require.Equal(t, shape, append([]int{}, d.Shape()...))
	return d
}

func drawBytes(t *rapid.T, host tensor.Dtype, raw []byte) {
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "bytes"), 0))
	for i := range raw {
		if raw[i] = byte(rng.Uint32()); host == tensor.Bool {
			raw[i] &= 1
		}
	}
}

func upTo(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

// TestAnyDtypeShapeAndLayoutRoundTrips: whatever the layout a tensor is saved from
// and the layout it is loaded into, the elements are the same to the bit.
func TestAnyDtypeShapeAndLayoutRoundTrips(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(storable).Draw(rt, "dtype")
		from := drawDense(rt, kind.host, rapid.SliceOfN(rapid.IntRange(0, 5), 0, 4).Draw(rt, "shape"))
		to := drawDense(rt, kind.host, from.Shape())
		var b bytes.Buffer
		require.NoError(rt, WriteModel(t.Context(), &b, FromValues(map[string]*tensor.Dense{"t": from}), nil))
		f, err := safetensors.OpenBytes(b.Bytes(), nil)
		require.NoError(rt, err)
		stored, err := f.Tensor("t")
		require.NoError(rt, err)
		require.Equal(rt, kind.stored, stored.DType())
		want := elements(t, from)
		require.Equal(rt, want, append([]byte(nil), storedBytes(t, f, "t")...))

		raw, strides := &to.Raw, to.Strides()
		mustLoad(t, f, FromValues(map[string]*tensor.Dense{"t": to}), nil)
		require.Equal(rt, want, elements(t, to))
		require.Same(rt, raw, &to.Raw)
		require.Equal(rt, strides, to.Strides())
	})
}

// Go scalars of every kind that Gorgonia has.
func TestGoNumbersRoundTrip(t *testing.T) {
	for _, c := range []struct {
		from, to gorgonia.Value
		dtype    safetensors.DType
		want     any
	}{
		{gorgonia.NewF64(1.5), gorgonia.NewF64(0), safetensors.F64, 1.5},
		{gorgonia.NewF32(-2.5), gorgonia.NewF32(0), safetensors.F32, float32(-2.5)},
		{gorgonia.NewI(-3), gorgonia.NewI(0), wordDType(safetensors.I64, safetensors.I32), -3},
		{gorgonia.NewI64(1 << 40), gorgonia.NewI64(0), safetensors.I64, int64(1 << 40)},
		{gorgonia.NewI32(-5), gorgonia.NewI32(0), safetensors.I32, int32(-5)},
		{gorgonia.NewU8(200), gorgonia.NewU8(0), safetensors.U8, uint8(200)},
		{gorgonia.NewB(true), gorgonia.NewB(false), safetensors.Bool, true},
	} {
		f := openPath(t, saved(t, FromValues(map[string]gorgonia.Value{"s": c.from}), nil))
		stored, err := f.Tensor("s")
		require.NoError(t, err)
		require.Equal(t, c.dtype, stored.DType())
		require.Empty(t, stored.Shape())
		pointer := c.to
		mustLoad(t, f, FromValues(map[string]gorgonia.Value{"s": c.to}), nil)
		require.Same(t, pointer, c.to)
		require.Equal(t, c.want, c.to.Data())
	}
}

// The half floats are held and moved, never computed with.
func TestHalfFloatContainersRoundTrip(t *testing.T) {
	half := []safetensors.Float16{0x3c00, 0xc000, 0x7e01, 0x8000}
	brain := []safetensors.BFloat16{0x3f80, 0xc000, 0x7fc1, 0x8000}
	from := FromValues(map[string]*tensor.Dense{
		"f16":  tensor.New(tensor.WithShape(4), tensor.WithBacking(half)),
		"bf16": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(brain)),
	})
	f := openPath(t, saved(t, from, nil))
	to := map[string]*tensor.Dense{
		"f16":  tensor.New(tensor.Of(halfDtype), tensor.WithShape(4)),
		"bf16": tensor.New(tensor.Of(bhalfDtype), tensor.WithShape(2, 2)),
	}
	mustLoad(t, f, FromValues(to), nil)
	require.Equal(t, half, to["f16"].Data())
	require.Equal(t, brain, to["bf16"].Data())
}

type celsius float32

// An elsewhere is an engine for memory that Go cannot read.
type elsewhere struct{ tensor.StdEng }

func (elsewhere) AllocAccessible() bool { return false }

// nowhere is a value of a kind that nobody knows.
type nowhere struct{ gorgonia.Value }

func unstorable(t testing.TB) map[string]gorgonia.Value {
	masked := counting(2, 2)
	require.NoError(t, masked.MaskedEqual(float32(1)))
	require.True(t, masked.IsMasked())
	device := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2), tensor.WithEngine(elsewhere{}))
	require.False(t, device.IsNativelyAccessible())
	return map[string]gorgonia.Value{
		"masked":     masked,
		"device":     device,
		"sparse":     tensor.CSRFromCoord(tensor.Shape{2, 2}, []int{0, 1}, []int{1, 0}, []float32{1, 2}),
		"string":     tensor.New(tensor.WithShape(2), tensor.WithBacking([]string{"a", "b"})),
		"uintptr":    tensor.New(tensor.WithShape(2), tensor.WithBacking([]uintptr{1, 2})),
		"complex128": tensor.New(tensor.WithShape(2), tensor.WithBacking([]complex128{1, 2})),
		"own dtype":  tensor.New(tensor.WithShape(2), tensor.WithBacking([]celsius{1, 2})),
		"own value":  nowhere{counting(2)},
		"nil":        nil,
		"nil tensor": (*tensor.Dense)(nil),
	}
}

func TestUnstorableValuesAreRefusedByName(t *testing.T) {
	reasons := map[string]string{
		"masked":     "masked",
		"device":     "not in memory that Go can read",
		"sparse":     "a sparse tensor",
		"string":     "dtype string cannot be stored",
		"uintptr":    "dtype uintptr cannot be stored",
		"complex128": "dtype complex128 cannot be stored",
		"own dtype":  "dtype celsius cannot be stored",
		"own value":  "a value of type checkpoint.nowhere",
		"nil":        "nil",
		"nil tensor": "nil",
	}
	all := unstorable(t)
	require.Len(t, all, len(reasons))
	all["fine"] = counting(2)
	m := FromValues(all)
	path := t.TempDir() + "/model.safetensors"
	_, loadErr := ReadModel(t.Context(), fileFrom(t, nil), m, nil)
	for _, err := range []error{SaveModel(t.Context(), path, m, nil), loadErr} {
		require.ErrorIs(t, err, ErrModel)
		var e *ModelError
		require.ErrorAs(t, err, &e)
		require.Len(t, e.Problems, len(reasons), "%v", err)
		for _, p := range e.Problems {
			require.Contains(t, p.Reason, reasons[p.Name], p.Name)
			require.ErrorContains(t, err, p.Name)
		}
	}
	require.NoFileExists(t, path)
}

// A zero-size tensor of Gorgonia's says that it is masked; there is nothing to mask.
func TestEmptyTensorsAreNotMasked(t *testing.T) {
	d := counting(0, 3)
	require.True(t, d.IsMasked())
	_, err := memoryOf(d)
	require.NoError(t, err)
}

// Shape and strides are believed only as far as there is memory.
func TestStridesPastTheMemoryAreRefused(t *testing.T) {
	short := counting(2, 3)
	short.Raw = short.Raw[:20]
	_, err := memoryOf(short)
	require.ErrorContains(t, err, "past its 20 bytes")

	_, err = layoutOf(tensor.Shape{2, 3}, []int{-3, 1})
	require.ErrorContains(t, err, "negative strides")
	_, err = layoutOf(tensor.Shape{2, 3}, []int{1})
	require.ErrorContains(t, err, "shape (2, 3) with strides [1]")
}

// Elements are moved in pieces; where the pieces end must not show.
func TestWalkersInPieces(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		kind := rapid.SampledFrom(storable).Draw(rt, "dtype")
		d := drawDense(rt, kind.host, rapid.SliceOfN(rapid.IntRange(1, 5), 0, 4).Draw(rt, "shape"))
		m, err := memoryOf(d)
		require.NoError(rt, err)
		want := elements(t, d)
		pieces := func(f func(piece []byte)) {
			left := want
			for len(left) > 0 {
				n := rapid.IntRange(1, len(left)/int(m.width())).Draw(rt, "piece") * int(m.width())
				f(left[:n])
				left = left[n:]
			}
		}
		var got []byte
		from := newWalker(m.raw, m.width(), m.layout)
		pieces(func(piece []byte) {
			part := make([]byte, len(piece))
			from.gather(part)
			got = append(got, part...)
		})
		require.Equal(rt, want, got)

		clear(d.Raw)
		to := newWalker(m.raw, m.width(), m.layout)
		pieces(to.scatter)
		require.Equal(rt, want, elements(t, d))
	})
}
