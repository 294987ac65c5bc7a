package floats

// This file tests decoding: every code of every format, packing and lengths.

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/x448/float16"
)

// Every code of every format gives the number that the format's definition says.
func TestDecodeEveryCode(t *testing.T) {
	for _, d := range definitions {
		t.Run(d.name, func(t *testing.T) {
			got := make([]float32, 1<<d.bits())
			d.decode(got, d.pack(d.allCodes()))
			for code, f := range got {
				if d.name == "BF16" && d.isNaN(code) {
					require.Equal(t, uint32(code)<<16, math.Float32bits(f), "BF16 NaN keep their bits")
					continue
				}
				requireSame(t, d.value(code), f, "code %#x", code)
			}
		})
	}
}

// The numbers that people quote, so that nobody has to trust the definitions.
func TestDecodeKnownValues(t *testing.T) {
	known := map[string]map[int]float64{
		"F16":         {0x3c00: 1, 0x7bff: 65504, 0x0001: 0x1p-24, 0x3555: 0.333251953125},
		"BF16":        {0x3f80: 1, 0x4049: 3.140625, 0x0001: 0x1p-133},
		"F8_E5M2":     {0x3c: 1, 0x7b: 57344, 0x01: 0x1p-16, 0xfc: math.Inf(-1)},
		"F8_E4M3":     {0x38: 1, 0x7e: 448, 0x01: 0x1p-9, 0x78: 256},
		"F8_E5M2FNUZ": {0x40: 1, 0x7f: 57344, 0x01: 0x1p-17},
		"F8_E4M3FNUZ": {0x40: 1, 0x7f: 240, 0x01: 0x1p-10},
		"F8_E8M0":     {0x7f: 1, 0x00: 0x1p-127, 0xfe: 0x1p127},
		"F6_E3M2":     {0x0c: 1, 0x1f: 28, 0x01: 0x1p-4, 0x3f: -28},
		"F6_E2M3":     {0x08: 1, 0x1f: 7.5, 0x01: 0x1p-3, 0x3f: -7.5},
		"F4":          {0: 0, 1: .5, 2: 1, 3: 1.5, 4: 2, 5: 3, 6: 4, 7: 6, 9: -.5, 15: -6},
	}
	for _, d := range definitions {
		require.NotEmpty(t, known[d.name], d.name)
		for code, want := range known[d.name] {
			got := make([]float32, 1)
			d.decode(got, d.pack([]int{code}))
			requireSame(t, want, got[0], "%s %#x", d.name, code)
		}
	}
}

func TestDecodeF16AgainstFloat16(t *testing.T) {
	for code := range 1 << 16 {
		h := uint16(code)
		got, want := F16ToF32(h), float16.Frombits(h).Float32()
		requireSame(t, float64(want), got, "code %#x", h)
		if want != want {
			payload := math.Float32bits(got) >> 13 & 0x01ff
			require.Equal(t, uint32(h&0x01ff), payload, "payload of %#x", h)
			require.Equal(t, h>>15 == 1, math.Signbit(float64(got)), "sign of %#x", h)
		}
	}
}

// The order of nibbles and six-bit groups, spelled out.
func TestDecodeSubByteOrder(t *testing.T) {
	f4 := make([]float32, 4)
	DecodeF4(f4, []byte{0x21, 0xf7})
	require.Equal(t, []float32{.5, 1, 6, -6}, f4)

	f6 := make([]float32, 4)
	DecodeF6E2M3(f6, []byte{0b00_000001, 0b0011_0010, 0b001000_00}) // codes 1, 8, 3, 8
	require.Equal(t, []float32{.125, 1, .375, 1}, f6)
}

// Any number of elements decodes as the same elements within a longer run,
// bytes beyond are not needed, and floats beyond are not touched.
func TestDecodeAnyLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 0))
	for _, d := range definitions {
		for n := range 70 {
			codes := make([]int, n)
			for i := range codes {
				codes[i] = finiteCode(rng, d)
			}
			got := make([]float32, n+1)
			got[n] = 42
			d.decode(got[:n], slices.Clip(d.pack(codes)))
			for i, code := range codes {
				requireSame(t, d.value(code), got[i], "%s element %d of %d, code %#x", d.name, i, n, code)
			}
			require.Equal(t, float32(42), got[n], "%s: wrote beyond %d elements", d.name, n)
		}
	}
}

// finiteCode draws a code that is not a NaN.
func finiteCode(rng *rand.Rand, d definition) int {
	for {
		if code := rng.IntN(1 << d.bits()); !d.isNaN(code) {
			return code
		}
	}
}

// A source that is too short panics before anything is written, also where
// there would be capacity behind it.
func TestDecodeShortSource(t *testing.T) {
	for _, d := range definitions {
		for n := 1; n < 20; n++ {
			dst := make([]float32, n)
			src := slices.Repeat([]byte{0x11}, d.size(n))
			require.Panics(t, func() { d.decode(dst, src[:len(src)-1]) }, "%s, %d elements", d.name, n)
			require.Equal(t, make([]float32, n), dst, d.name)
			require.NotPanics(t, func() { d.decode(dst, src) }, d.name)
		}
	}
}

func TestSizeF6(t *testing.T) {
	for n := range 100 {
		require.Equal(t, (6*n+7)/8, sizeF6(n), "%d elements", n)
	}
	require.Positive(t, sizeF6(math.MaxInt), "no overflow")
}

func TestDecodeAllocatesNothing(t *testing.T) {
	dst, src := make([]float32, 100), make([]byte, 200)
	for _, d := range definitions {
		require.Zero(t, testing.AllocsPerRun(10, func() { d.decode(dst, src) }), d.name)
	}
}
