package runs

// These tests compare with package math, number by number.

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/floats"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// classify is what math says of a number.
func classify(f float64) numberClass {
	switch {
	case math.IsNaN(f):
		return isNaN
	case math.IsInf(f, 0):
		return isInf
	}
	return isFinite
}

// decoders give the numbers of bytes of each dtype that has some that are not finite.
var decoders = map[safetensors.DType]func(b []byte) []float64{
	safetensors.F64: func(b []byte) (out []float64) {
		for ; len(b) >= 8; b = b[8:] {
			out = append(out, math.Float64frombits(binary.LittleEndian.Uint64(b)))
		}
		return out
	},
	safetensors.F32: func(b []byte) (out []float64) {
		for ; len(b) >= 4; b = b[4:] {
			out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b))))
		}
		return out
	},
	safetensors.F16:        widened(2, floats.DecodeF16),
	safetensors.BF16:       widened(2, floats.DecodeBF16),
	safetensors.F8E5M2:     widened(1, floats.DecodeF8E5M2),
	safetensors.F8E4M3:     widened(1, floats.DecodeF8E4M3),
	safetensors.F8E8M0:     widened(1, floats.DecodeF8E8M0),
	safetensors.F8E4M3FNUZ: widened(1, floats.DecodeF8E4M3FNUZ),
	safetensors.F8E5M2FNUZ: widened(1, floats.DecodeF8E5M2FNUZ),
}

func widened(width int, decode func(dst []float32, src []byte)) func([]byte) []float64 {
	return func(b []byte) []float64 {
		narrow := make([]float32, len(b)/width)
		decode(narrow, b)
		out := make([]float64, len(narrow))
		for i, f := range narrow {
			out[i] = float64(f)
		}
		return out
	}
}

// slowly asks math about each element.
func slowly(b []byte, d safetensors.DType) (nan, inf found) {
	add := func(i int, k numberClass) {
		switch k {
		case isNaN:
			nan.add(i)
		case isInf:
			inf.add(i)
		case isFinite:
		}
	}
	if d == safetensors.C64 {
		parts := decoders[safetensors.F32](b)
		for i := 0; i < len(parts); i += 2 {
			add(i/2, max(classify(parts[i]), classify(parts[i+1])))
		}
		return nan, inf
	}
	if decode := decoders[d]; decode != nil {
		for i, f := range decode(b) {
			add(i, classify(f))
		}
	}
	return nan, inf
}

// requireAgreement compares with math, and returns how many elements are not finite.
func requireAgreement(t require.TestingT, b []byte, d safetensors.DType) int {
	nan, inf := notFiniteIn(b, d)
	wantNaN, wantInf := slowly(b, d)
	require.Equal(t, wantNaN, nan, "NaN in %v", d)
	require.Equal(t, wantInf, inf, "infinities in %v", d)
	return nan.count + inf.count
}

func floatDTypes() []safetensors.DType {
	all := []safetensors.DType{safetensors.C64}
	for d := range decoders {
		all = append(all, d)
	}
	slices.Sort(all)
	return all
}

func TestNotFiniteEveryCode(t *testing.T) {
	for _, d := range floatDTypes() {
		if d.Bits() > 16 {
			continue
		}
		all := make([]byte, 0, 1<<17)
		for code := range 1 << d.Bits() {
			all = append(all, byte(code))
			if d.Bits() == 16 {
				all = append(all, byte(code>>8))
			}
			one := all[len(all)-d.Bits()/8:]
			requireAgreement(t, one, d)
		}
		require.Positive(t, requireAgreement(t, all, d), "%v has NaN", d)
	}
}

// Every finite number is passed over by the test of blocks, and every other one is found there.
func TestNotFiniteIsSuspectInABlock(t *testing.T) {
	for _, d := range []safetensors.DType{safetensors.F16, safetensors.BF16, safetensors.F8E5M2} {
		l, block := ieee[d], new([blockBytes]byte)
		for code := range 1 << d.Bits() {
			b := binary.LittleEndian.AppendUint16(nil, uint16(code))[:d.Bits()/8]
			at := code * len(b) % blockBytes
			copy(block[at:], b)
			require.Equal(t, requireAgreement(t, b, d) > 0, l.suspect(block), "%v %x", d, b)
			clear(block[:])
		}
	}
}

func TestNotFiniteAgreesWithMath(t *testing.T) {
	special := []uint64{0, math.MaxUint64, 0x7ff0000000000000, 0xfff0000000000000, 0x7ff8000000000001, 0x7f8000007f800000, 0x7f7fffffff7fffff, 0x7c007bff7c01fbff, 0x7fefffffffffffff}
	rapid.Check(t, func(rt *rapid.T) {
		d := rapid.SampledFrom(floatDTypes()).Draw(rt, "dtype")
		width := d.Bits() / 8
		n := rapid.SampledFrom([]int{0, 1, 3, 100, blockBytes / width, 3*blockBytes/width + 5}).Draw(rt, "elements")
		offset := rapid.IntRange(0, 7).Draw(rt, "offset")
		b := make([]byte, offset+n*width)[offset:]
		if rapid.Bool().Draw(rt, "any bits") {
			rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
			for i := range b {
				b[i] = byte(rng.Uint32())
			}
		}
		for range rapid.IntRange(0, 4).Draw(rt, "specials") {
			word := binary.LittleEndian.AppendUint64(nil, rapid.SampledFrom(special).Draw(rt, "special"))
			if n > 0 {
				at := rapid.IntRange(0, n-1).Draw(rt, "at")
				copy(b[at*width:(at+1)*width], word)
			}
		}
		requireAgreement(rt, b, d)
	})
}

func TestOtherTypesAreFinite(t *testing.T) {
	b := slices.Repeat([]byte{0xff}, 2*blockBytes)
	for _, d := range []safetensors.DType{safetensors.Bool, safetensors.F4, safetensors.F6E2M3, safetensors.F6E3M2, safetensors.I8, safetensors.U8, safetensors.I32, safetensors.I64, safetensors.U64} {
		nan, inf := notFiniteIn(b, d)
		require.Zero(t, nan.count+inf.count, d)
	}
}

func BenchmarkNotFinite(b *testing.B) {
	const size = 64 << 20
	data := make([]byte, size)
	for i := 0; i < size; i += 4 {
		binary.LittleEndian.PutUint32(data[i:], math.Float32bits(float32(i%1000)/1000-0.5))
	}
	for _, d := range []safetensors.DType{safetensors.F32, safetensors.F64, safetensors.BF16, safetensors.F8E4M3} {
		b.Run(fmt.Sprintf("dtype=%v", d), func(b *testing.B) {
			b.SetBytes(size)
			for b.Loop() {
				notFiniteIn(data, d)
			}
		})
	}
}
