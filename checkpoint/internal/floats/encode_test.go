package floats

// This file tests encoding: rounding around every value of both formats, the
// laws that tie it to decoding and to order, NaN and lengths.

import (
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
	"pgregory.net/rapid"
)

// A half is one of the two formats that can be encoded.
type half struct {
	definition
	one    func(float32) uint16 // encodes one float32
	back   func(uint16) float32
	bulk   func(dst []byte, src []float32)
	bulk64 func(dst []byte, src []float64)
	inf    uint16
	quiet  uint16
}

var halves = []half{
	{definitions[0], F32ToF16, F16ToF32, EncodeF16, EncodeF16From64, 0x7c00, 0x0200},
	{definitions[1], F32ToBF16, BF16ToF32, EncodeBF16, EncodeBF16From64, 0x7f80, 0x0040},
}

// each runs the test for both formats.
func each(t *testing.T, test func(t *testing.T, h half)) {
	for _, h := range halves {
		t.Run(h.name, func(t *testing.T) { test(t, h) })
	}
}

// one64 encodes one float64.
func (h half) one64(x float64) uint16 {
	var b [2]byte
	h.bulk64(b[:], []float64{x})
	return binary.LittleEndian.Uint16(b[:])
}

// turns calls visit with every finite value of the format but -0, its upper
// neighbour (the first beyond the largest is what would come next) and the
// middle of both, where rounding turns.
func (h half) turns(visit func(low, middle, high float64)) {
	for code := range int(h.inf) {
		low, high := h.value(code), h.value(code+1)
		if math.IsInf(high, 1) {
			high = low + (low - h.value(code-1))
		}
		visit(low, (low+high)/2, high)
		visit(-high, -(low+high)/2, -low)
	}
}

// Around every value: it, the middle to the next, and one float32 step to
// either side of both round as float64 arithmetic says.
func TestEncodeAroundEveryCode(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		h.turns(func(low, middle, high float64) {
			for _, x := range []float64{low, middle, high} {
				f := float32(x)
				if float64(f) != x && !math.IsInf(float64(f), 0) {
					require.Failf(t, "bad test", "%v is no float32", x)
				}
				for _, f := range []float32{math.Nextafter32(f, -math.MaxFloat32), f, math.Nextafter32(f, math.MaxFloat32)} {
					requireSame(t, h.nearest(float64(f)), h.back(h.one(f)), "%v", f)
				}
			}
		})
	})
}

// The same from float64, with steps far too small for a float32: here rounding
// twice fails.
func TestEncode64AroundEveryCode(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		h.turns(func(low, middle, high float64) {
			for _, x := range []float64{low, middle, high} {
				for _, x := range []float64{math.Nextafter(x, math.Inf(-1)), x, math.Nextafter(x, math.Inf(1))} {
					requireSame(t, h.nearest(x), h.back(h.one64(x)), "%v", x)
				}
			}
		})
	})
}

func TestEncodeF16AgainstFloat16(t *testing.T) {
	for _, cut := range []uint32{0, 1, 0x0fff, 0x1000, 0x1001, 0x1fff} {
		for top := range uint32(1 << 19) {
			f := math.Float32frombits(top<<13 | cut)
			got, want := F32ToF16(f), float16.Fromfloat32(f).Bits()
			if f != f {
				want = want&0xfe00 | got&0x01ff // float16 has payload rules of its own
			}
			if got != want {
				require.Failf(t, "differs", "%v (%08x): got %04x, want %04x", f, math.Float32bits(f), got, want)
			}
		}
	}
}

// Values beyond the largest become Inf from half a step on, and not before.
func TestEncodeOverflow(t *testing.T) {
	require.Equal(t, uint16(0x7bff), F32ToF16(65519.996))
	require.Equal(t, uint16(0x7c00), F32ToF16(65520))
	require.Equal(t, uint16(0xfc00), F32ToF16(-65520))
	require.Equal(t, uint16(0x7bff), halves[0].one64(65519.99999999999))
	require.Equal(t, uint16(0x7f7f), F32ToBF16(math.Float32frombits(0x7f7f7fff)))
	require.Equal(t, uint16(0x7f80), F32ToBF16(math.Float32frombits(0x7f7f8000)))
	require.Equal(t, uint16(0xff80), F32ToBF16(-math.MaxFloat32))
	each(t, func(t *testing.T, h half) {
		for _, x := range []float64{math.Inf(1), math.MaxFloat64, 1e39} {
			require.Equal(t, h.inf, h.one64(x), "%v", x)
			require.Equal(t, 0x8000|h.inf, h.one64(-x), "%v", -x)
		}
		for _, x := range []float64{0, math.SmallestNonzeroFloat64, 1e-310, 1e-60} {
			require.Equal(t, uint16(0), h.one64(x), "%v", x)
			require.Equal(t, uint16(0x8000), h.one64(math.Copysign(x, -1)), "%v", -x)
		}
	})
}

// What was read can be written back: encoding undoes decoding for every code,
// up to the quiet bit of a NaN.
func TestEncodeUndoesDecode(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		file := h.pack(h.allCodes())
		values := make([]float32, 1<<16)
		h.decode(values, file)
		again := make([]byte, len(file))
		h.bulk(again, values)
		for code := range 1 << 16 {
			want := uint16(code)
			if h.isNaN(code) {
				want |= h.quiet
			}
			require.Equal(t, want, binary.LittleEndian.Uint16(again[2*code:]), "code %#x", code)
		}
	})
}

// A NaN stays one, quiet, with its sign and the upper bits of its payload, from
// both widths, wherever its bits are.
func TestEncodeNaN(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		for bit := range 52 {
			for _, sign := range []uint64{0, 1 << 63} {
				bits := sign | 0x7ff<<52 | 1<<bit
				want := uint16(sign>>48) | h.inf | h.quiet | uint16(uint64(1)<<bit>>(52-h.man))
				require.Equal(t, want, h.one64(math.Float64frombits(bits)), "%016x", bits)
				if bit < 29 {
					continue
				}
				bits32 := uint32(sign>>32) | 0x7f800000 | 1<<(bit-29)
				require.Equal(t, want, h.one(math.Float32frombits(bits32)), "%08x", bits32)
			}
		}
	})
}

func TestEncodeF32From64(t *testing.T) {
	same := func(x float64) uint32 {
		var b [4]byte
		EncodeF32From64(b[:], []float64{x})
		return binary.LittleEndian.Uint32(b[:])
	}
	rapid.Check(t, func(t *rapid.T) {
		x := math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		if x == x {
			require.Equal(t, math.Float32bits(float32(x)), same(x), "%v", x)
		}
	})
	for _, sign := range []uint64{0, 1 << 63} {
		require.Equal(t, uint32(sign>>32)|0x7fc00000, same(math.Float64frombits(sign|0x7ff<<52|1)), "no Inf")
		require.Equal(t, uint32(sign>>32)|0x7ff00000, same(math.Float64frombits(sign|0x7ff6<<48)), "payload")
	}
}

// anyFloat64 draws from all sizes of numbers, most of them within reach of a half.
func anyFloat64() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		exp := rapid.OneOf(rapid.IntRange(-30, 20), rapid.IntRange(-160, 140)).Draw(t, "exp")
		bits := rapid.Uint64Range(0, 1<<52-1).Draw(t, "fraction")
		drop := rapid.IntRange(0, 52).Draw(t, "zeros at the end")
		x := math.Ldexp(1+float64(bits>>drop<<drop)/(1<<52), exp)
		if rapid.Bool().Draw(t, "negative") {
			return -x
		}
		return x
	})
}

// The order of numbers survives encoding.
func TestEncodeIsMonotonic(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		rapid.Check(t, func(t *rapid.T) {
			x, y := anyFloat64().Draw(t, "x"), anyFloat64().Draw(t, "y")
			x, y = min(x, y), max(x, y)
			require.LessOrEqual(t, h.back(h.one64(x)), h.back(h.one64(y)), "%v, %v", x, y)
			require.LessOrEqual(t, h.back(h.one(float32(x))), h.back(h.one(float32(y))), "%v, %v", x, y)
		})
	})
}

// Any number, not only those near a turn, goes to the nearest; and a float32
// gives the same bits by either way.
func TestEncodeIsNearest(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		rapid.Check(t, func(rt *rapid.T) {
			x := anyFloat64().Draw(rt, "x")
			f := float32(x)
			requireSame(t, h.nearest(x), h.back(h.one64(x)), "%v", x)
			require.Equal(t, h.one(f), h.one64(float64(f)), "%v", f)
		})
	})
}

// The bulk functions give, at any length, what the single ones give, and touch
// nothing beyond; a destination too short panics and is left as it was.
func TestEncodeAnyLength(t *testing.T) {
	each(t, func(t *testing.T, h half) {
		for n := range 70 {
			src, src64, want := make([]float32, n), make([]float64, n), make([]byte, 2*n, 2*n+3)
			for i := range src {
				src64[i] = math.Sqrt(float64(n*100+i)) * math.Pow(10, float64(i%13-8))
				src[i] = float32(src64[i])
				binary.LittleEndian.PutUint16(want[2*i:], h.one(src[i]))
			}
			want = append(want, 1, 2, 3)
			got := slices.Repeat([]byte{0}, 2*n+3)
			copy(got[2*n:], want[2*n:])
			h.bulk(got, src)
			require.Equal(t, want, got)
			for i := range src {
				binary.LittleEndian.PutUint16(want[2*i:], h.one64(src64[i]))
			}
			h.bulk64(got, src64)
			require.Equal(t, want, got)
			requireShortPanics(t, h, src, src64)
		}
	})
}

func requireShortPanics(t *testing.T, h half, src []float32, src64 []float64) {
	if len(src) == 0 {
		return
	}
	dst := make([]byte, 4*len(src))
	short, short32 := dst[:2*len(src)-1], dst[:4*len(src)-1]
	require.Panics(t, func() { h.bulk(short, src) })
	require.Panics(t, func() { h.bulk64(short, src64) })
	require.Panics(t, func() { EncodeF32From64(short32, src64) })
	require.Equal(t, make([]byte, len(dst)), dst)
}

func TestEncodeAllocatesNothing(t *testing.T) {
	dst, src, src64 := make([]byte, 400), make([]float32, 100), make([]float64, 100)
	each(t, func(t *testing.T, h half) {
		require.Zero(t, testing.AllocsPerRun(10, func() { h.bulk(dst, src) }))
		require.Zero(t, testing.AllocsPerRun(10, func() { h.bulk64(dst, src64) }))
	})
	require.Zero(t, testing.AllocsPerRun(10, func() { EncodeF32From64(dst, src64) }))
}
