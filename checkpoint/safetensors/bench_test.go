package safetensors

// These benchmarks read from memory: they measure this package, not disks.

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// modelHeader is the header of a model of n tensors of 16 bytes, named as models
// name them.
func modelHeader(n int) string {
	return "{" + many(n, func(i int) string {
		return fmt.Sprintf(`"model.layers.%d.self_attn.q_proj.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[%d,%d]}`, i, 16*i, 16*i+16)
	}) + "}"
}

func BenchmarkOpen(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		text := modelHeader(n)
		file := frame(text, make([]byte, 16*n))
		for _, mode := range []string{"strict", "lenient"} {
			b.Run(fmt.Sprintf("tensors=%d/mode=%s", n, mode), func(b *testing.B) {
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				for b.Loop() {
					_, err := OpenBytes(file, &OpenOptions{Lenient: mode == "lenient"})
					require.NoError(b, err)
				}
			})
		}
	}
}

func BenchmarkTensor(b *testing.B) {
	const n = 10_000
	f := opened(b, frame(modelHeader(n), make([]byte, 16*n)), nil)
	names := f.Names()
	for i := 0; b.Loop(); i++ {
		_, err := f.Tensor(names[i%n])
		require.NoError(b, err)
	}
}

func BenchmarkReadInto(b *testing.B) {
	const rows, columns = 4096, 1024
	file := encoded(b, nil, Source{Name: "w", DType: F32, Shape: []int{rows, columns}, Data: make([]byte, 4*rows*columns)})
	inMemory := opened(b, file, nil)
	behind, err := NewFile(bytes.NewReader(file), int64(len(file)), nil)
	require.NoError(b, err)
	for source, f := range map[string]*File{"memory": inMemory, "reader": behind} {
		for part, ix := range map[string][]Index{"whole": nil, "half-columns": {All(), Range(0, columns/2)}, "column": {All(), At(7)}} {
			t, err := tensorOf(b, f, "w").Slice(ix...)
			require.NoError(b, err)
			b.Run(fmt.Sprintf("source=%s/part=%s/bytes=%d", source, part, t.Size()), func(b *testing.B) {
				p := make([]byte, t.Size())
				b.SetBytes(t.Size())
				for b.Loop() {
					require.NoError(b, t.ReadInto(p))
				}
			})
		}
	}
}

// BenchmarkSlice reads slices of 16 million elements, from memory and by system
// calls, beside the loop that one would write over them in memory.
func BenchmarkSlice(b *testing.B) {
	const planes, rows, columns = 16, 1024, 1024
	file := encoded(b, nil, Source{Name: "w", DType: F32, Shape: []int{planes, rows, columns}, Data: make([]byte, 4*planes*rows*columns)})
	unmapped, err := Open(written(b, file), &OpenOptions{NoMmap: true})
	require.NoError(b, err)
	defer unmapped.Close()
	for _, c := range []struct {
		part string
		ix   []Index
		loop func(dst, src []float32)
	}{
		{"column", []Index{Ellipsis(), At(7)}, func(dst, src []float32) { everyNth(dst, src[7:], columns) }},
		{"every-second", []Index{Ellipsis(), All().By(2)}, func(dst, src []float32) { everyNth(dst, src, 2) }},
		{"backwards", []Index{Ellipsis(), All().By(-1)}, func(dst, src []float32) {
			for i := range planes * rows {
				for k := range columns {
					dst[i*columns+k] = src[i*columns+columns-1-k]
				}
			}
		}},
		{"quarter-of-all", []Index{All(), All().By(2), All().By(2)}, func(dst, src []float32) {
			for i := range planes * rows / 2 {
				everyNth(dst[i*columns/2:][:columns/2], src[i*2*columns:], 2)
			}
		}},
		{"runs-of-4", []Index{All(), All(), Range(0, 4)}, func(dst, src []float32) {
			for i := range planes * rows {
				copy(dst[i*4:][:4], src[i*columns:])
			}
		}},
	} {
		for source, f := range map[string]*File{"memory": opened(b, file, nil), "file": unmapped} {
			t, err := tensorOf(b, f, "w").Slice(c.ix...)
			require.NoError(b, err)
			b.Run("part="+c.part+"/source="+source, func(b *testing.B) {
				p := make([]byte, t.Size())
				b.SetBytes(t.Size())
				for b.Loop() {
					require.NoError(b, t.ReadInto(p))
				}
			})
		}
		b.Run("part="+c.part+"/source=loop", func(b *testing.B) {
			v, err := As[float32](tensorOf(b, opened(b, file, nil), "w"))
			require.NoError(b, err)
			t, err := tensorOf(b, unmapped, "w").Slice(c.ix...)
			require.NoError(b, err)
			dst := make([]float32, t.Size()/4)
			b.SetBytes(t.Size())
			for b.Loop() {
				c.loop(dst, v.Data())
			}
		})
	}
}

func everyNth(dst, src []float32, n int) {
	for i := range dst {
		dst[i] = src[i*n]
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		src := make([]Source, n)
		data := make([]byte, 1<<10)
		for i := range src {
			src[i] = Source{Name: fmt.Sprintf("model.layers.%d.weight", i), DType: F32, Shape: []int{256}, Data: data}
		}
		b.Run(fmt.Sprintf("tensors=%d", n), func(b *testing.B) {
			b.SetBytes(int64(n * len(data)))
			for b.Loop() {
				require.NoError(b, Encode(&countingWriter{}, src, nil))
			}
		})
	}
}
