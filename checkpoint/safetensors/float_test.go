package safetensors

// This file is about the floats that Go lacks. What every code of each type
// means is computed here from the types' definitions.

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// A minifloat is the definition of a small float: sign, exponent, mantissa.
type minifloat struct {
	exponent, mantissa, bias int
	special                  func(code int) (float64, bool) // infinities, NaN, or nothing
}

// decoded are the floats that Go lacks.
var decoded = []DType{F4, F6E2M3, F6E3M2, F8E5M2, F8E4M3, F8E8M0, F8E4M3FNUZ, F8E5M2FNUZ, F16, BF16}

var nan, inf = math.NaN(), math.Inf(1)

var minifloats = map[DType]minifloat{
	F4:     {2, 1, 1, nil},
	F6E2M3: {2, 3, 1, nil},
	F6E3M2: {3, 2, 3, nil},
	F8E5M2: {5, 2, 15, func(code int) (float64, bool) {
		if code&0x7f == 0x7c {
			return math.Copysign(inf, float64(0x7f-code)), true
		}
		return nan, code&0x7f > 0x7c
	}},
	F8E4M3:     {4, 3, 7, func(code int) (float64, bool) { return nan, code&0x7f == 0x7f }},
	F8E4M3FNUZ: {4, 3, 8, func(code int) (float64, bool) { return nan, code == 0x80 }},
	F8E5M2FNUZ: {5, 2, 16, func(code int) (float64, bool) { return nan, code == 0x80 }},
	F8E8M0:     {8, 0, 127, func(code int) (float64, bool) { return math.Ldexp(1, code-127) * b2f(code < 255), true }},
}

func b2f(number bool) float64 {
	if number {
		return 1
	}
	return nan
}

func (m minifloat) value(code int) float32 {
	if m.special != nil {
		if v, ok := m.special(code); ok {
			return float32(v)
		}
	}
	fraction := float64(code & (1<<m.mantissa - 1))
	exponent := code >> m.mantissa & (1<<m.exponent - 1)
	if exponent == 0 {
		exponent = 1 // subnormal
	} else {
		fraction += float64(int(1) << m.mantissa)
	}
	v := math.Ldexp(fraction, exponent-m.bias-m.mantissa)
	if code>>(m.mantissa+m.exponent) != 0 {
		v = math.Copysign(v, -1)
	}
	return float32(v)
}

// packed puts codes of a width into bytes, the first in the lowest bits.
func packed(codes []int, bits int) []byte {
	out := make([]byte, len(codes)*bits/8)
	for i, code := range codes {
		for b := range bits {
			at := i*bits + b
			out[at/8] |= byte(code>>b&1) << (at % 8)
		}
	}
	return out
}

// requireSameFloats compares bits, but for the bits of NaN.
func requireSameFloats(t *testing.T, want, got []float32) {
	t.Helper()
	require.Len(t, got, len(want))
	for i := range want {
		if want[i] != want[i] && got[i] != got[i] {
			continue
		}
		if math.Float32bits(want[i]) != math.Float32bits(got[i]) {
			require.Equal(t, want[i], got[i], "element %d", i)
			require.Fail(t, "sign of zero", "element %d", i)
		}
	}
}

func TestFloat32sOfEveryCode(t *testing.T) {
	for d, def := range minifloats {
		t.Run(d.String(), func(t *testing.T) {
			n := 1 << d.Bits()
			codes, want := make([]int, n), make([]float32, n)
			for i := range codes {
				codes[i], want[i] = i, def.value(i)
			}
			got, err := tensorOfCodes(t, d, codes).Float32s(nil)
			require.NoError(t, err)
			requireSameFloats(t, want, got)
		})
	}
}

func tensorOfCodes(t *testing.T, d DType, codes []int) Tensor {
	file := encoded(t, nil, Source{Name: "x", DType: d, Shape: []int{len(codes)}, Data: packed(codes, d.Bits())})
	f, err := NewFile(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(t, err)
	return tensorOf(t, f, "x")
}

// Tensors are read a piece at a time: no length may lose or repeat an element.
func TestFloat32sOfAnyLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, d := range decoded {
		for _, n := range []int{0, 4, 65_532, 65_536, 65_540, 131_072 + 8} {
			if d.Bits() >= 8 && n > 0 {
				n += 3
			}
			codes, want := make([]int, n), make([]float32, n)
			for i := range codes {
				codes[i] = rng.IntN(1 << d.Bits())
				want[i] = valueOf(d, codes[i])
			}
			got, err := tensorOfCodes(t, d, codes).Float32s(nil)
			require.NoError(t, err)
			requireSameFloats(t, want, got)
		}
	}
}

func valueOf(d DType, code int) float32 {
	switch d {
	case F16:
		return float16.Frombits(uint16(code)).Float32()
	case BF16:
		return math.Float32frombits(uint32(code) << 16)
	}
	return minifloats[d].value(code)
}

func TestFloat32sOfF32(t *testing.T) {
	want := make([]float32, 65_539)
	data := make([]byte, 0, 4*len(want))
	for i := range want {
		want[i] = float32(i) / 3
		b := math.Float32bits(want[i])
		data = append(data, byte(b), byte(b>>8), byte(b>>16), byte(b>>24))
	}
	f := opened(t, encoded(t, nil, Source{Name: "x", DType: F32, Shape: []int{len(want)}, Data: data}), nil)
	got, err := tensorOf(t, f, "x").Float32s(nil)
	require.NoError(t, err)
	requireSameFloats(t, want, got)
	got[0] = 9
	require.Equal(t, data, bytesOf(t, tensorOf(t, f, "x")), "the result is the caller's own")
}

func TestFloat32sOfASlice(t *testing.T) {
	x := tensorOfCodes(t, F4, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15})
	part, err := x.Slice(Range(6, 10))
	require.NoError(t, err)
	got, err := part.Float32s(nil)
	require.NoError(t, err)
	requireSameFloats(t, []float32{4, 6, float32(math.Copysign(0, -1)), -0.5}, got)
}

func TestFloat32sUsesTheRoomOfDst(t *testing.T) {
	x := tensorOfCodes(t, F8E4M3, []int{0x38, 0x40, 0x44})
	room := make([]float32, 1, 10)
	got, err := x.Float32s(room)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3}, got)
	require.Same(t, &room[0], &got[0])

	small := make([]float32, 2)
	got, err = x.Float32s(small)
	require.NoError(t, err)
	require.Equal(t, []float32{1, 2, 3}, got)
	require.Equal(t, []float32{0, 0}, small)
}

func TestFloat32sRefusesWhatIsNotExact(t *testing.T) {
	f := opened(t, everyDType(t), nil)
	for _, x := range f.All() {
		_, err := x.Float32s(nil)
		if x.DType() == F32 || slices.Contains(decoded, x.DType()) {
			require.NoError(t, err, x.DType())
			continue
		}
		require.Contains(t, []DType{Bool, U8, I8, I16, U16, I32, U32, I64, U64, C64, F64}, x.DType())
		require.ErrorIs(t, err, ErrDType)
		require.ErrorContains(t, err, x.DType().String())
	}
}

func TestFloat16RoundTrip(t *testing.T) {
	for code := range 1 << 16 {
		h, b := Float16(code), BFloat16(code)
		if h.Float32() == h.Float32() {
			require.Equal(t, h, ToFloat16(h.Float32()))
		} else {
			require.NotEqual(t, ToFloat16(h.Float32()).Float32(), ToFloat16(h.Float32()).Float32(), "NaN stays one")
		}
		if b.Float32() == b.Float32() {
			require.Equal(t, b, ToBFloat16(b.Float32()))
		} else {
			require.NotEqual(t, ToBFloat16(b.Float32()).Float32(), ToBFloat16(b.Float32()).Float32(), "NaN stays one")
		}
	}
}

func TestFloat16Rounds(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200_000 {
		x := math.Float32frombits(rng.Uint32())
		if x != x {
			continue
		}
		require.Equal(t, float16.Fromfloat32(x).Bits(), uint16(ToFloat16(x)), "%v", x)
		require.Equal(t, nearestBF16(x), ToBFloat16(x), "%v", x)
	}
	for _, c := range []struct {
		x    float32
		half Float16
		bf   BFloat16
	}{
		{1, 0x3c00, 0x3f80},
		{1 + 1.0/2048, 0x3c00, 0x3f80}, // a tie of Float16, to even
		{1 + 3.0/2048, 0x3c02, 0x3f80},
		{1 + 1.0/256, 0x3c04, 0x3f80}, // a tie of BFloat16, to even
		{1 + 3.0/256, 0x3c0c, 0x3f82},
		{65504, 0x7bff, 0x4780},
		{65520, 0x7c00, 0x4780}, // infinite
		{math.MaxFloat32, 0x7c00, 0x7f80},
		{float32(math.Inf(-1)), 0xfc00, 0xff80},
		{math.SmallestNonzeroFloat32, 0, 0},
	} {
		require.Equal(t, c.half, ToFloat16(c.x), "%v", c.x)
		require.Equal(t, c.bf, ToBFloat16(c.x), "%v", c.x)
	}
}

// nearestBF16 rounds by trying the two neighbours.
func nearestBF16(x float32) BFloat16 {
	down := math.Float32bits(x) >> 16
	below, above := float64(math.Float32frombits(down<<16)), float64(math.Float32frombits((down+1)<<16))
	if math.IsInf(above, 0) {
		above = math.Copysign(math.Ldexp(1, 128), above) // where the next value would be
	}
	switch toBelow, toAbove := math.Abs(float64(x)-below), math.Abs(above-float64(x)); {
	case toBelow < toAbove, toBelow == toAbove && down%2 == 0:
		return BFloat16(down)
	}
	return BFloat16(down + 1)
}
