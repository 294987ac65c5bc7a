package floats

// The benchmarks convert one MiB of small floats, which stays in the cache:
// they measure the loops, not the memory. Bytes are those of the small format.

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

const benchBytes = 1 << 20

// weights returns n values as a trained layer has them.
func weights(n int) []float32 {
	rng := rand.New(rand.NewPCG(1, 0))
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(rng.NormFloat64() * 0.02)
	}
	return w
}

func BenchmarkDecode(b *testing.B) {
	for _, d := range definitions {
		b.Run(fmt.Sprintf("format=%s/bytes=%d", d.name, benchBytes), func(b *testing.B) {
			dst, src := make([]float32, benchBytes*8/d.bits()), benchSource(d)
			b.SetBytes(benchBytes)
			for b.Loop() {
				d.decode(dst, src)
			}
		})
	}
}

// benchSource holds weights where the format can be encoded, else random bytes.
func benchSource(d definition) []byte {
	src := make([]byte, benchBytes)
	for _, h := range halves {
		if h.name == d.name {
			h.bulk(src, weights(benchBytes/2))
			return src
		}
	}
	rng := rand.New(rand.NewPCG(2, 0))
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	return src
}

func BenchmarkEncode(b *testing.B) {
	src := weights(benchBytes / 2)
	src64 := make([]float64, len(src))
	for i, f := range src {
		src64[i] = float64(f) * 1.0000001
	}
	dst := make([]byte, 2*benchBytes)
	for _, h := range halves {
		b.Run(fmt.Sprintf("format=%s/from=float32/bytes=%d", h.name, benchBytes), func(b *testing.B) {
			b.SetBytes(benchBytes)
			for b.Loop() {
				h.bulk(dst, src)
			}
		})
		b.Run(fmt.Sprintf("format=%s/from=float64/bytes=%d", h.name, benchBytes), func(b *testing.B) {
			b.SetBytes(benchBytes)
			for b.Loop() {
				h.bulk64(dst, src64)
			}
		})
	}
	b.Run(fmt.Sprintf("format=F32/from=float64/bytes=%d", 2*benchBytes), func(b *testing.B) {
		b.SetBytes(2 * benchBytes)
		for b.Loop() {
			EncodeF32From64(dst, src64)
		}
	})
}

// BenchmarkHalves converts the two formats of 16 bits by the kernel and by plain Go, beside the
// floor, "copy": Go's copy of half the bytes that a conversion reads and writes, in pieces of a
// MiB, which therefore moves as many. Bytes are those; the small size stays in the cache.
func BenchmarkHalves(b *testing.B) {
	for _, n := range []int{1 << 17, 1 << 25} {
		floats, halves := weights(n), make([]byte, 2*n)
		from, to := make([]byte, 3*n), make([]byte, 3*n)
		copy(from, to)
		copyPieces := func() {
			for at := 0; at < len(from); at += 1 << 20 {
				copy(to[at:min(at+1<<20, len(to))], from[at:])
			}
		}
		for _, way := range []struct {
			name string
			f    func()
		}{
			{"copy", copyPieces},
			{"F16toF32", func() { decodeF16(floats, halves) }},
			{"F16toF32plain", func() { plainDecodeF16(floats, halves) }},
			{"BF16toF32", func() { decodeBF16(floats, halves) }},
			{"BF16toF32plain", func() { plainDecodeBF16(floats, halves) }},
			{"F32toF16", func() { encodeF16(halves, floats) }},
			{"F32toF16plain", func() { plainEncodeF16(halves, floats) }},
			{"F32toBF16", func() { encodeBF16(halves, floats) }},
			{"F32toBF16plain", func() { plainEncodeBF16(halves, floats) }},
		} {
			b.Run(fmt.Sprintf("way=%s/bytes=%d", way.name, 6*n), func(b *testing.B) {
				b.SetBytes(int64(6 * n))
				for b.Loop() {
					way.f()
				}
			})
		}
	}
}
