package checkpoint

// These tests are about conversions of dtype: which are made, what they do to
// values, and what the report says.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

var everyDType = []safetensors.DType{
	safetensors.Bool, safetensors.F4, safetensors.F6E2M3, safetensors.F6E3M2, safetensors.U8, safetensors.I8,
	safetensors.F8E5M2, safetensors.F8E4M3, safetensors.F8E8M0, safetensors.F8E4M3FNUZ, safetensors.F8E5M2FNUZ,
	safetensors.I16, safetensors.U16, safetensors.F16, safetensors.BF16, safetensors.I32, safetensors.U32,
	safetensors.F32, safetensors.C64, safetensors.F64, safetensors.I64, safetensors.U64,
}

// one is a model of the vector "x".
func one(d *tensor.Dense) Model { return FromValues(map[string]*tensor.Dense{"x": d}) }

func emptyVector(host tensor.Dtype, n int) *tensor.Dense {
	return tensor.New(tensor.Of(host), tensor.WithShape(n))
}

// plain is n numbers that every dtype can hold: zeros, and ones of the dtype that has
// no zero.
func plain(d safetensors.DType, n int) safetensors.Source {
	data := make([]byte, n*d.Bits()/8)
	if d == safetensors.F8E8M0 {
		data = bytes.Repeat([]byte{127}, n)
	}
	return safetensors.Source{Name: "x", DType: d, Shape: []int{n}, Data: data}
}

// Floats convert to the floats that a model can hold, integers to integers, and
// nothing else to anything. Without Cast not even those do.
func TestWhatConverts(t *testing.T) {
	for _, kind := range storable {
		for _, from := range everyDType {
			f := fileFrom(t, nil, plain(from, 4))
			m := one(emptyVector(kind.host, 4))
			floats := strings.Contains(from.String(), "F") && strings.Contains(kind.stored.String(), "F")
			integers := strings.Contains("IU", from.String()[:1]) && strings.Contains("IU", kind.stored.String()[:1])
			want := floats || integers
			if from == kind.stored {
				report := mustLoad(t, f, m, nil)
				require.Empty(t, report.Casts)
				continue
			}
			var e *MismatchError
			require.ErrorAs(t, refused(t, f, m, nil), &e)
			require.Equal(t, []DTypeMismatch{{"x", "x", from, kind.stored, want}}, e.DTypes)
			if !want {
				require.ErrorAs(t, refused(t, f, m, &LoadOptions{Cast: CastOverflow}), &e)
				require.NotContains(t, e.Error(), "LoadOptions.Cast")
				continue
			}
			require.Contains(t, e.Error(), "(LoadOptions.Cast)")
			report := mustLoad(t, f, m, &LoadOptions{Cast: CastRound})
			require.Equal(t, []CastReport{{Name: "x", From: from, To: kind.stored, Elements: 4}}, report.Casts, "%s to %s", from, kind.stored)
		}
	}
}

// Each Cast allows what the one before it does, and more.
func TestCastLevels(t *testing.T) {
	inf := math.Inf(1)
	for _, c := range []struct {
		name                             string
		x                                float64
		want                             float32
		overflowed, underflowed, rounded int64
		least                            Cast
	}{
		{"exact", 1.5, 1.5, 0, 0, 0, CastExact},
		{"negative zero", math.Copysign(0, -1), float32(math.Copysign(0, -1)), 0, 0, 0, CastExact},
		{"infinity", inf, float32(inf), 0, 0, 0, CastExact},
		{"NaN", math.NaN(), float32(math.NaN()), 0, 0, 0, CastExact},
		{"rounded", 0.1, 0.1, 0, 0, 1, CastRound},
		{"rounded to subnormal", 1.1e-40, 1.1e-40, 0, 0, 1, CastRound},
		{"underflow", 1e-60, 0, 0, 1, 0, CastRound},
		{"overflow", -1e39, float32(-inf), 1, 0, 0, CastOverflow},
		{"largest that rounds down", 0x1.fffffefffffffp127, math.MaxFloat32, 0, 0, 1, CastRound},
		{"least that overflows", 0x1.ffffffp127, float32(inf), 1, 0, 0, CastOverflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fileFrom(t, nil, numbersIn("x", safetensors.F64, []int{1}, []float64{c.x}))
			want := CastReport{"x", safetensors.F64, safetensors.F32, 1, c.overflowed, c.underflowed, c.rounded}
			for cast := CastExact; cast <= CastOverflow; cast++ {
				d := emptyVector(tensor.Float32, 1)
				if cast >= c.least {
					require.Equal(t, []CastReport{want}, mustLoad(t, f, one(d), &LoadOptions{Cast: cast}).Casts)
					require.Equal(t, math.Float32bits(c.want), math.Float32bits(d.Data().([]float32)[0]))
					continue
				}
				var e *CastError
				err := refused(t, f, one(d), &LoadOptions{Cast: cast})
				require.ErrorIs(t, err, ErrCast)
				require.ErrorAs(t, err, &e)
				require.Equal(t, []CastReport{want}, e.Reports)
			}
		})
	}
}

// A value is rounded once: by way of float32 the first two would go the other way.
func TestFloatsAreRoundedOnce(t *testing.T) {
	for _, c := range []struct {
		x           float64
		f16, bf16   uint16
		f16Overflow bool
	}{
		{1 + 0x1p-11 + 0x1p-40, 0x3c01, 0x3f80, false},
		{1 + 0x1p-8 + 0x1p-40, 0x3c04, 0x3f81, false},
		{1 + 0x1p-11, 0x3c00, 0x3f80, false}, // a tie, to even
		{1 + 3*0x1p-11, 0x3c02, 0x3f80, false},
		{65519.999, 0x7bff, 0x4780, false},
		{65520, 0x7c00, 0x4780, true},
		{0x1p-25, 0, 0x3300, false}, // half of F16's least, to even
		{0x1.0001p-25, 0x0001, 0x3300, false},
	} {
		f := fileFrom(t, nil, numbersIn("x", safetensors.F64, []int{1}, []float64{c.x}))
		half, brain := emptyVector(halfDtype, 1), emptyVector(bhalfDtype, 1)
		report := mustLoad(t, f, one(half), &LoadOptions{Cast: CastOverflow})
		require.Equal(t, []safetensors.Float16{safetensors.Float16(c.f16)}, half.Data(), "%v", c.x)
		require.Equal(t, c.f16Overflow, report.Casts[0].Overflowed == 1, "%v", c.x)
		mustLoad(t, f, one(brain), &LoadOptions{Cast: CastRound})
		require.Equal(t, []safetensors.BFloat16{safetensors.BFloat16(c.bf16)}, brain.Data(), "%v", c.x)
	}
}

// Every code of the narrow floats becomes the number that it is.
func TestNarrowFloatsWiden(t *testing.T) {
	for _, from := range []safetensors.DType{
		safetensors.F16, safetensors.BF16, safetensors.F8E5M2, safetensors.F8E4M3, safetensors.F8E8M0,
		safetensors.F8E4M3FNUZ, safetensors.F8E5M2FNUZ, safetensors.F6E2M3, safetensors.F6E3M2, safetensors.F4,
	} {
		data := make([]byte, 3*256)
		for i := range data {
			data[i] = byte(i ^ i>>8<<3)
		}
		if from == safetensors.F16 || from == safetensors.BF16 {
			data = make([]byte, 2<<16)
			for i := range 1 << 16 {
				binary.LittleEndian.PutUint16(data[2*i:], uint16(i))
			}
		}
		n := len(data) * 8 / from.Bits()
		f := fileFrom(t, nil, safetensors.Source{Name: "x", DType: from, Shape: []int{n}, Data: data})
		want := float32sOf(t, f, "x")
		single, double := emptyVector(tensor.Float32, n), emptyVector(tensor.Float64, n)
		for _, d := range []*tensor.Dense{single, double} {
			report := mustLoad(t, f, one(d), &LoadOptions{Cast: CastExact})
			require.Equal(t, int64(n), report.Casts[0].Elements)
		}
		for i, x := range want {
			require.Equal(t, math.Float32bits(x), math.Float32bits(single.Data().([]float32)[i]), "%s, element %d", from, i)
			got := double.Data().([]float64)[i]
			require.True(t, got == float64(x) || math.IsNaN(got) && math.IsNaN(float64(x)), "%s, element %d", from, i)
		}
	}
}

// F8 holds numbers that F16 does not, and the reverse.
func TestNarrowFloatsIntoHalf(t *testing.T) {
	f := fileFrom(t, nil, safetensors.Source{Name: "x", DType: safetensors.F8E8M0, Shape: []int{3}, Data: []byte{127, 127 + 15, 127 + 16}}) // 1, 2^15, 2^16
	half := emptyVector(halfDtype, 3)
	require.ErrorIs(t, refused(t, f, one(half), &LoadOptions{Cast: CastRound}), ErrCast)
	report := mustLoad(t, f, one(half), &LoadOptions{Cast: CastOverflow})
	require.Equal(t, []safetensors.Float16{0x3c00, 0x7800, 0x7c00}, half.Data())
	require.Equal(t, int64(1), report.Casts[0].Overflowed)
}

// integer describes a dtype of whole numbers for an oracle with numbers of any size.
type integer struct {
	host   tensor.Dtype
	stored safetensors.DType
	bits   int
	signed bool
}

var integers = []integer{
	{tensor.Int8, safetensors.I8, 8, true},
	{tensor.Int16, safetensors.I16, 16, true},
	{tensor.Int32, safetensors.I32, 32, true},
	{tensor.Int64, safetensors.I64, 64, true},
	{tensor.Uint8, safetensors.U8, 8, false},
	{tensor.Uint16, safetensors.U16, 16, false},
	{tensor.Uint32, safetensors.U32, 32, false},
	{tensor.Uint64, safetensors.U64, 64, false},
}

func (k integer) least() *big.Int {
	if !k.signed {
		return big.NewInt(0)
	}
	return new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), uint(k.bits-1)))
}

func (k integer) most() *big.Int {
	bits := k.bits
	if k.signed {
		bits--
	}
	return new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(bits)), big.NewInt(1))
}

// encode is v in two's complement, little-endian.
func (k integer) encode(v *big.Int) []byte {
	modulo := new(big.Int).And(v, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), uint(k.bits)), big.NewInt(1)))
	b := modulo.FillBytes(make([]byte, k.bits/8))
	slices.Reverse(b)
	return b
}

// draw gives a number of k, most often one near a boundary of some dtype.
func (k integer) draw(t *rapid.T) *big.Int {
	near := rapid.SampledFrom(integers).Draw(t, "near")
	edge := near.most()
	if rapid.Bool().Draw(t, "least") {
		edge = near.least()
	}
	v := new(big.Int).Add(edge, big.NewInt(rapid.Int64Range(-2, 2).Draw(t, "off")))
	if v.Cmp(k.least()) < 0 || v.Cmp(k.most()) > 0 {
		return big.NewInt(rapid.Int64Range(0, 100).Draw(t, "small"))
	}
	return v
}

func TestIntegersConvertInRangeOnly(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		from, to := rapid.SampledFrom(integers).Draw(rt, "from"), rapid.SampledFrom(integers).Draw(rt, "to")
		n := rapid.IntRange(1, 5).Draw(rt, "n")
		var data, want []byte
		var outside int64
		for range n {
			v := from.draw(rt)
			data, want = append(data, from.encode(v)...), append(want, to.encode(v)...)
			if v.Cmp(to.least()) < 0 || v.Cmp(to.most()) > 0 {
				outside++
			}
		}
		f := fileFrom(t, nil, safetensors.Source{Name: "x", DType: from.stored, Shape: []int{n}, Data: data})
		d := emptyVector(to.host, n)
		if outside > 0 {
			var e *CastError
			require.ErrorAs(rt, refused(t, f, one(d), &LoadOptions{Cast: CastOverflow}), &e)
			require.Equal(rt, outside, e.Reports[0].Overflowed)
			return
		}
		mustLoad(t, f, one(d), &LoadOptions{Cast: CastExact})
		require.Equal(rt, want, elements(t, d))
	})
}

// All tensors are tried before any is refused, and the report counts all elements of
// tensors of many pieces.
func TestCastErrorListsAllTensors(t *testing.T) {
	big := make([]float64, 3*castPiece+5)
	for i := range big {
		big[i] = 1e300 * float64(i%2)
	}
	f := fileFrom(t, nil,
		numbersIn("big", safetensors.F64, []int{len(big)}, big),
		numbersIn("fine", safetensors.F64, []int{1}, []float64{1}),
		numbersIn("also", safetensors.F64, []int{2}, []float64{0.1, 1e300}))
	m := FromValues(map[string]gorgonia.Value{
		"big": emptyVector(tensor.Float32, len(big)), "fine": emptyVector(tensor.Float32, 1), "also": emptyVector(tensor.Float32, 2),
	})
	var e *CastError
	err := refused(t, f, m, &LoadOptions{Cast: CastRound})
	require.ErrorAs(t, err, &e)
	require.Equal(t, []CastReport{
		{"also", safetensors.F64, safetensors.F32, 2, 1, 0, 1},
		{"big", safetensors.F64, safetensors.F32, int64(len(big)), int64(len(big) / 2), 0, 0},
	}, e.Reports)
	require.ErrorContains(t, err, `2 tensors: "also" from F64 to F32: of 2 values 1 overflowed, 0 underflowed, 1 lost precision; "big" from`)

	report := mustLoad(t, f, m, &LoadOptions{Cast: CastOverflow})
	require.Len(t, report.Casts, 3)
	require.Equal(t, "also", report.Casts[0].Name)
	require.Equal(t, "fine", report.Casts[2].Name)
	require.Contains(t, report.String(), "3 converted")
}

// Of a tie, all that the file has must convert, not only what is loaded.
func TestCastOfATieCountsEveryName(t *testing.T) {
	shared := emptyVector(tensor.Float32, 1)
	m := FromValues(map[string]*tensor.Dense{"a": shared, "b": shared})
	f := fileFrom(t, nil,
		numbersIn("a", safetensors.F32, []int{1}, []float32{0.1}),
		numbersIn("b", safetensors.F64, []int{1}, []float64{0.1}))
	require.ErrorIs(t, refused(t, f, m, &LoadOptions{Cast: CastExact}), ErrCast)
	mustLoad(t, f, m, &LoadOptions{Cast: CastRound})
	require.Equal(t, []float32{0.1}, shared.Data())
}

// A stored BOOL may be any byte; a bool in memory is 0 or 1, and nothing else works.
func TestTrueIsOne(t *testing.T) {
	f := fileFrom(t, nil, safetensors.Source{Name: "x", DType: safetensors.Bool, Shape: []int{2, 3}, Data: []byte{0, 1, 2, 128, 255, 0}})
	row, turned := emptyVector(tensor.Bool, 6), emptyVector(tensor.Bool, 6)
	require.NoError(t, row.Reshape(2, 3))
	require.NoError(t, turned.Reshape(3, 2))
	require.NoError(t, turned.T())
	for _, d := range []*tensor.Dense{row, turned} {
		mustLoad(t, f, one(d), nil)
		require.Equal(t, []byte{0, 1, 1, 1, 1, 0}, elements(t, d))
		for _, b := range d.Raw {
			require.LessOrEqual(t, b, byte(1))
		}
	}
	s := gorgonia.NewB(false)
	mustLoad(t, fileFrom(t, nil, safetensors.Source{Name: "s", DType: safetensors.Bool, Data: []byte{7}}), FromValues(map[string]gorgonia.Value{"s": s}), nil)
	require.Equal(t, "true", fmt.Sprint(s.Data()))
}

// Elements are converted wherever they lie.
func TestCastIntoStridedMemory(t *testing.T) {
	for _, l := range layouts(t) {
		x := make([]float64, len(l.want))
		for i := range x {
			x[i] = float64(i) + 0.5
		}
		mustLoad(t, fileFrom(t, nil, numbersIn("t", safetensors.F64, l.shape, x)), FromValues(map[string]gorgonia.Value{"t": l.value}), &LoadOptions{Cast: CastExact})
		want := make([]float32, len(x))
		for i := range want {
			want[i] = float32(i) + 0.5
		}
		require.True(t, bytes.Equal(element(t, want), elements(t, l.value)), l.name)
	}
}
