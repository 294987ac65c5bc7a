//go:build !purego && !race && !msan && !asan

package floats

// This file compares the kernels of the two formats of 16 bits with their twins in plain Go, bit
// for bit, NaN included.
//
// Encoding is compared for a sample of the float32. For all 2^32 of them, a minute:
//
//	KIBISIS_SWEEP=1 go test -run Sweep ./checkpoint/internal/floats

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A twin is a kernel and what it has to equal.
type twin struct {
	name                string
	decode, plainDecode func(dst []float32, src []byte)
	encode, plainEncode func(dst []byte, src []float32)
}

var twins = []twin{
	{"F16", decodeF16, plainDecodeF16, encodeF16, plainEncodeF16},
	{"BF16", decodeBF16, plainDecodeBF16, encodeBF16, plainEncodeBF16},
}

// requireSameDecoded requires the same bits of both.
func (w twin) requireSameDecoded(t *testing.T, src []byte) {
	t.Helper()
	got, want := make([]float32, len(src)/2), make([]float32, len(src)/2)
	w.decode(got, src)
	w.plainDecode(want, src)
	for i := range want {
		if g, w := math.Float32bits(got[i]), math.Float32bits(want[i]); g != w {
			require.Failf(t, "differs", "element %d, code %#x: got %08x, want %08x", i, src[2*i:2*i+2], g, w)
		}
	}
}

// requireSameEncoded requires the same bits of both.
func (w twin) requireSameEncoded(t *testing.T, src []float32) {
	t.Helper()
	got, want := make([]byte, 2*len(src)), make([]byte, 2*len(src))
	w.encode(got, src)
	w.plainEncode(want, src)
	for i, f := range src {
		if g, w := binary.LittleEndian.Uint16(got[2*i:]), binary.LittleEndian.Uint16(want[2*i:]); g != w {
			require.Failf(t, "differs", "element %d, %08x: got %04x, want %04x", i, math.Float32bits(f), g, w)
		}
	}
}

func eachTwin(t *testing.T, test func(t *testing.T, w twin)) {
	for _, w := range twins {
		t.Run(w.name, func(t *testing.T) { test(t, w) })
	}
}

// All codes there are, each in every lane, from addresses of every kind.
func TestTwinsDecodeTheSame(t *testing.T) {
	codes := make([]byte, 2<<16+64)
	for i := range len(codes) / 2 {
		binary.LittleEndian.PutUint16(codes[2*i:], uint16(i))
	}
	eachTwin(t, func(t *testing.T, w twin) {
		for at := 0; at < 64; at += 2 {
			w.requireSameDecoded(t, codes[at:])
		}
		odd := append([]byte{0}, codes...)
		w.requireSameDecoded(t, odd[1:])
	})
}

// Every upper half that the rounding of either format looks at, with the lower halves where it
// turns: all exponents, all NaN of those, and then what chance gives.
func TestTwinsEncodeTheSame(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 0))
	random := make([]float32, 1<<24)
	for i := range random {
		random[i] = math.Float32frombits(rng.Uint32())
	}
	eachTwin(t, func(t *testing.T, w twin) {
		w.requireSameEncoded(t, sweep32(13))
		w.requireSameEncoded(t, sweep32(16))
		w.requireSameEncoded(t, random)
		for at := range 20 {
			w.requireSameEncoded(t, random[at:at+1000])
		}
	})
}

// Lengths around those at which something changes: a round of lanes, a piece.
func TestTwinsAtEveryLength(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 0))
	src := make([]float32, 2*piece+100)
	for i := range src {
		src[i] = float32(rng.NormFloat64())
	}
	lengths := []int{piece - 1, piece, piece + 1, piece + 17, 2 * piece, 2*piece + 33}
	for n := range 100 {
		lengths = append(lengths, n)
	}
	eachTwin(t, func(t *testing.T, w twin) {
		for _, n := range lengths {
			encoded := make([]byte, 2*n+1)
			encoded[2*n] = 0xee
			w.encode(encoded[:2*n], src[:n])
			require.Equal(t, byte(0xee), encoded[2*n], "%d elements", n)
			w.requireSameEncoded(t, src[:n])

			decoded := make([]float32, n+1)
			decoded[n] = 42
			w.decode(decoded[:n], encoded)
			require.Equal(t, float32(42), decoded[n], "%d elements", n)
			w.requireSameDecoded(t, encoded[:2*n])
		}
	})
}

// Without AVX2 or F16C, all goes through plain Go.
func TestProcessorWithoutVectors(t *testing.T) {
	if !vectors {
		t.Skip("this is one, so every other test is about it")
	}
	vectors = false
	defer func() { vectors = true }()
	TestTwinsAtEveryLength(t)
	TestTwinsDecodeTheSame(t)
}

// TestSweep encodes every float32.
func TestSweep(t *testing.T) {
	if os.Getenv("KIBISIS_SWEEP") == "" {
		t.Skip("set KIBISIS_SWEEP to compare all 2^32 float32")
	}
	const batch = 1 << 20
	src := make([]float32, batch)
	for first := uint64(0); first < 1<<32; first += batch {
		for i := range src {
			src[i] = math.Float32frombits(uint32(first) + uint32(i))
		}
		for _, w := range twins {
			w.requireSameEncoded(t, src)
		}
	}
}
