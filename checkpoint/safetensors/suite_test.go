package safetensors

// This file has the twins of tests of the reference's crate that no other file has:
// files byte for byte, slices of six numbers, dicts like GPT-2's, files written over
// their own source. The README of testdata says which twin is whose.

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// floatBytes are numbers as a file has them.
func floatBytes(x ...float32) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, x)
	if err != nil {
		panic(err)
	}
	return b
}

var sixFloats = floatBytes(0, 1, 2, 3, 4, 5)

// Both writers give exactly these bytes: fields, order, spaces and all.
func TestFilesWrittenByteForByte(t *testing.T) {
	zeros := func(name string, d DType) Source {
		return Source{Name: name, DType: d, Shape: []int{2, 2}, Data: make([]byte, d.Bits()/2)}
	}
	lastIsOne := zeros("test", I32)
	lastIsOne.Data[12] = 1
	for name, c := range map[string]struct {
		metadata map[string]string
		src      []Source
		header   string
		data     []byte
	}{
		"nothing":          {nil, nil, `{}      `, nil},
		"only metadata":    {map[string]string{"framework": "pt"}, nil, `{"__metadata__":{"framework":"pt"}}     `, nil},
		"a header of 64":   {nil, []Source{{Name: "attn.0", DType: F32, Shape: []int{1, 2, 3}, Data: sixFloats}}, `{"attn.0":{"dtype":"F32","shape":[1,2,3],"data_offsets":[0,24]}}`, sixFloats},
		"7 spaces":         {nil, []Source{{Name: "attn0", DType: F32, Shape: []int{1, 1, 2, 3}, Data: sixFloats}}, `{"attn0":{"dtype":"F32","shape":[1,1,2,3],"data_offsets":[0,24]}}       `, sixFloats},
		"two numbers, F4":  {nil, []Source{{Name: "attn.0", DType: F4, Shape: []int{1, 2}, Data: []byte{0x21}}}, `{"attn.0":{"dtype":"F4","shape":[1,2],"data_offsets":[0,1]}}    `, []byte{0x21}},
		"zeros":            {nil, []Source{zeros("test", I32)}, `{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}    `, make([]byte, 16)},
		"the last is one":  {nil, []Source{lastIsOne}, `{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}    `, append(make([]byte, 12), 1, 0, 0, 0)},
		"behind metadata":  {map[string]string{"framework": "pt"}, []Source{zeros("test1", I32)}, `{"__metadata__":{"framework":"pt"},"test1":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}} `, make([]byte, 16)},
		"I32, then F16":    {nil, []Source{zeros("test1", I32), zeros("test2", F16)}, `{"test1":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},"test2":{"dtype":"F16","shape":[2,2],"data_offsets":[16,24]}}      `, make([]byte, 24)},
		"F16 behind I32":   {nil, []Source{zeros("test1", F16), zeros("test2", I32)}, `{"test2":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]},"test1":{"dtype":"F16","shape":[2,2],"data_offsets":[16,24]}}      `, make([]byte, 24)},
		"without elements": {nil, []Source{{Name: "test", DType: F32, Shape: []int{2, 0}}}, `{"test":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}}     `, nil},
	} {
		t.Run(name, func(t *testing.T) {
			want := string(frame(c.header, c.data))
			require.Zero(t, len(c.header)%8)
			require.Equal(t, want, string(encoded(t, c.metadata, c.src...)))
			require.Equal(t, want, string(writtenBy(t, t.TempDir(), c.src, &WriteOptions{Metadata: c.metadata})))

			f := opened(t, []byte(want), nil)
			require.Equal(t, c.metadata, f.Metadata())
			require.Equal(t, len(c.src), f.Len())
			for _, s := range c.src {
				requireTensor(t, tensorOf(t, f, s.Name), s)
			}
		})
	}
}

func TestF4SourcesThatDoNotFit(t *testing.T) {
	for _, c := range []struct {
		shape []int
		size  int
		kind  ErrorKind
	}{{[]int{1, 3}, 2, ErrMisaligned}, {[]int{1, 2}, 2, ErrSize}, {[]int{1, 2}, 0, ErrSize}} {
		err := Encode(io.Discard, []Source{{Name: "attn.0", DType: F4, Shape: c.shape, Data: make([]byte, c.size)}}, nil)
		requireKind(t, c.kind, err, fmt.Sprint(c))
	}
}

// Files as they lie on the disk, read in every way.
func TestFilesReadByteForByte(t *testing.T) {
	const (
		square = "<\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0,16]}}`
		zeros  = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	)
	for name, c := range map[string]struct {
		file string
		kind ErrorKind // "" for a file that is right
		want []Source
	}{
		"2 by 2":                     {square + zeros, "", []Source{{Name: "test", DType: I32, Shape: []int{2, 2}, Data: []byte(zeros)}}},
		"scalar":                     {"8\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}` + zeros[:4], "", []Source{{Name: "test", DType: I32, Data: []byte(zeros[:4])}}},
		"without elements":           {"<\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[2,0],"data_offsets":[0, 0]}}`, "", []Source{{Name: "test", DType: I32, Shape: []int{2, 0}}}},
		"white space behind":         {"\x06\x00\x00\x00\x00\x00\x00\x00{}\r \t\n", "", nil},
		"white space in front":       {"\x06\x00\x00\x00\x00\x00\x00\x00\t\n{}\r ", "", nil},
		"something behind the data":  {square + zeros + "and another file", ErrIncomplete, nil},
		"two bytes less":             {square + zeros[:14], ErrIncomplete, nil},
		"header of 2^64, nearly":     {"<\x00\x00\x00\x00\xff\xff\xff" + square[8:] + zeros, ErrHeaderTooLarge, nil},
		"no bytes":                   {"", ErrHeaderTooSmall, nil},
		"only the length":            {square[:8], ErrHeaderLength, nil},
		"not UTF-8":                  {"\x01\x00\x00\x00\x00\x00\x00\x00\xff", ErrHeaderUTF8, nil},
		"not JSON":                   {"\x01\x00\x00\x00\x00\x00\x00\x00{", ErrHeaderJSON, nil},
		"range too short for shape":  {"<\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[2,2],"data_offsets":[0, 4]}}`, ErrSize, nil},
		"too many elements to count": {"O\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[2,18446744073709551614],"data_offsets":[0,16]}}` + zeros, ErrOverflow, nil},
		"too many bytes to count":    {"N\x00\x00\x00\x00\x00\x00\x00" + `{"test":{"dtype":"I32","shape":[2,9223372036854775807],"data_offsets":[0,16]}}` + zeros, ErrOverflow, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for _, in := range entrances {
				requireKind(t, c.kind, in.open(t, []byte(c.file), OpenOptions{}), in.name)
			}
			if c.kind != "" {
				return
			}
			f := opened(t, []byte(c.file), nil)
			require.Equal(t, len(c.want), f.Len())
			for _, s := range c.want {
				requireTensor(t, tensorOf(t, f, s.Name), s)
			}
		})
	}
}

// Slices of 1 by 2 by 3 numbers are these bytes of theirs, in this order.
func TestSlicesOfSixNumbers(t *testing.T) {
	x := tensorOf(t, opened(t, encoded(t, nil, Source{Name: "attn.0", DType: F32, Shape: []int{1, 2, 3}, Data: sixFloats}), nil), "attn.0")
	for _, c := range []struct {
		ix    []Index
		shape []int
		want  []float32
	}{
		{[]Index{}, []int{1, 2, 3}, []float32{0, 1, 2, 3, 4, 5}},
		{[]Index{All()}, []int{1, 2, 3}, []float32{0, 1, 2, 3, 4, 5}},
		{[]Index{All(), All(), All()}, []int{1, 2, 3}, []float32{0, 1, 2, 3, 4, 5}},
		{[]Index{Range(0, 1)}, []int{1, 2, 3}, []float32{0, 1, 2, 3, 4, 5}},
		{[]Index{All(), Range(0, 1)}, []int{1, 1, 3}, []float32{0, 1, 2}},
		{[]Index{All(), Range(Begin, 1)}, []int{1, 1, 3}, []float32{0, 1, 2}},
		{[]Index{All(), All(), Range(0, 1)}, []int{1, 2, 1}, []float32{0, 3}},
		{[]Index{All(), All(), Range(1, 2)}, []int{1, 2, 1}, []float32{1, 4}},
		{[]Index{All(), All(), Range(1, End)}, []int{1, 2, 2}, []float32{1, 2, 4, 5}},
		{[]Index{All(), Range(1, 2), Range(0, 1)}, []int{1, 1, 1}, []float32{3}},
		{[]Index{All(), All(), At(0)}, []int{1, 2}, []float32{0, 3}},
		{[]Index{At(0), At(1)}, []int{3}, []float32{3, 4, 5}},
		{[]Index{At(0), At(1), At(2)}, nil, []float32{5}},
	} {
		part, err := x.Slice(c.ix...)
		require.NoError(t, err, "%v", c.ix)
		require.Equal(t, c.shape, nilIfEmpty(part.Shape()), "%v", c.ix)
		require.Equal(t, int64(4*len(c.want)), part.Size(), "%v", c.ix)
		require.Equal(t, floatBytes(c.want...), bytesOf(t, part), "%v", c.ix)
	}
	for _, ix := range [][]Index{{All(), All(), All(), All()}, {At(1)}, {All(), At(2)}, {All(), All(), At(3)}} {
		_, err := x.Slice(ix...)
		require.ErrorIs(t, err, ErrIndex, "%v", ix)
	}
}

// Of elements of half a byte, slices are of whole bytes or none.
func TestSlicesOfHalfBytes(t *testing.T) {
	x := tensorOf(t, opened(t, encoded(t, nil, Source{Name: "x", DType: F4, Shape: []int{2, 4}, Data: []byte{0x10, 0x32, 0x54, 0x76}}), nil), "x")
	for want, ix := range map[string][]Index{
		"\x10\x32\x54\x76": {},
		"\x10\x32":         {Range(0, 1)},
		"\x54\x76":         {At(1)},
		"\x32\x76":         {All(), Range(2, 4)},
		"\x76":             {At(1), Range(2, End)},
	} {
		part, err := x.Slice(ix...)
		require.NoError(t, err)
		require.Equal(t, want, string(bytesOf(t, part)))
	}
	for _, ix := range [][]Index{{All(), Range(0, 1)}, {All(), Range(1, 3)}, {All(), At(2)}, {At(0), At(0)}} {
		_, err := x.Slice(ix...)
		require.ErrorIs(t, err, ErrMisaligned, "%v", ix)
	}
}

// gpt2 is what a GPT-2 of so many layers holds, masks included.
func gpt2(layers, width, context, vocabulary int) []Spec {
	list := []Spec{{"wte", F32, []int{vocabulary, width}}, {"wpe", F32, []int{context, width}}}
	for i := range layers {
		for name, shape := range map[string][]int{
			"ln_1.weight": {width}, "ln_1.bias": {width}, "ln_2.weight": {width}, "ln_2.bias": {width},
			"attn.bias":          {1, 1, context, context},
			"attn.c_attn.weight": {width, 3 * width}, "attn.c_attn.bias": {3 * width},
			"attn.c_proj.weight": {width, width}, "attn.c_proj.bias": {width},
			"mlp.c_fc.weight": {width, 4 * width}, "mlp.c_fc.bias": {4 * width},
			"mlp.c_proj.weight": {4 * width, width}, "mlp.c_proj.bias": {width},
		} {
			list = append(list, Spec{fmt.Sprintf("h.%d.%s", i, name), F32, shape})
		}
	}
	return append(list, Spec{"ln_f.weight", F32, []int{width}}, Spec{"ln_f.bias", F32, []int{width}})
}

// A headOf keeps the first bytes that are written to it, and reads as if zeros
// were the rest. It has the size that was written.
type headOf struct {
	head [1 << 16]byte
	size int64
}

func (h *headOf) Write(p []byte) (int, error) {
	if h.size < int64(len(h.head)) {
		copy(h.head[h.size:], p)
	}
	h.size += int64(len(p))
	return len(p), nil
}

func (h *headOf) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(h.head)) {
		copy(p, h.head[off:])
	}
	return len(p), nil
}

// The real sizes of GPT-2, 548 MB, of which only the header is kept.
func TestFileAsLargeAsGPT2(t *testing.T) {
	skipIfRaced(t)
	for _, layers := range []int{6, 12} {
		var src []Source
		size := int64(0)
		for _, s := range gpt2(layers, 768, 1024, 50257) {
			n := 4 * product(s.Shape)
			size += int64(n)
			src = append(src, Source{Name: s.Name, DType: s.DType, Shape: s.Shape, WriteData: zerosOf(n)})
		}
		h := &headOf{}
		require.NoError(t, Encode(h, src, nil))
		f, err := NewFile(h, h.size, nil)
		require.NoError(t, err)
		require.Equal(t, 4+13*layers, f.Len())
		require.Equal(t, size, h.size-f.shards[0].h.dataStart())
		for _, s := range src {
			x := tensorOf(t, f, s.Name)
			require.Equal(t, s.Shape, x.Shape())
			require.Equal(t, int64(4*product(s.Shape)), x.Size())
		}
	}
}

var manyZeros [1 << 20]byte

// zerosOf is a WriteData of n zeros.
func zerosOf(n int) func(io.Writer) error {
	return func(w io.Writer) error {
		for ; n > len(manyZeros); n -= len(manyZeros) {
			if _, err := w.Write(manyZeros[:]); err != nil {
				return err
			}
		}
		_, err := w.Write(manyZeros[:n])
		return err
	}
}

// A GPT-2 of width 6, in numbers that are all different, by memory and by file.
func TestTinyGPT2ThereAndBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 6))
	var src []Source
	for _, s := range gpt2(6, 6, 8, 50) {
		data := make([]byte, 4*product(s.Shape))
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		src = append(src, Source{Name: s.Name, DType: s.DType, Shape: s.Shape, Data: data})
	}
	file := encoded(t, nil, src...)
	path := filepath.Join(t.TempDir(), "gpt2_tiny.safetensors")
	require.NoError(t, WriteFile(t.Context(), path, src, nil))
	onDisk, err := Open(path, nil)
	require.NoError(t, err)
	for _, f := range []*File{opened(t, file, nil), onDisk} {
		require.Equal(t, 4+13*6, f.Len())
		for _, s := range src {
			requireTensor(t, tensorOf(t, f, s.Name), s)
		}
	}
	require.NoError(t, onDisk.Close())
}

// A file may be written over the mapped file that its data lies in.
func TestWriteFileOverItsOwnSource(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a file that is mapped cannot be replaced there")
	}
	const n = 3 * page
	path := written(t, encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{n}, Data: counted(n)}))
	f := mapped(t, path, nil)
	b, err := tensorOf(t, f, "x").Bytes()
	require.NoError(t, err)
	again := []Source{{Name: "half", DType: U8, Shape: []int{n / 2}, Data: b[n/2:]}, {Name: "x", DType: U8, Shape: []int{n}, Data: b}}
	require.NoError(t, WriteFile(t.Context(), path, again, nil))
	require.True(t, bytes.Equal(counted(n), b), "what was mapped before stays")
	after := mapped(t, path, nil)
	for _, s := range again {
		requireTensor(t, tensorOf(t, after, s.Name), s)
	}
}

// Nothing holds a file that was closed, on Windows neither.
func TestClosedFileMayBeOverwritten(t *testing.T) {
	for _, o := range []*OpenOptions{nil, {NoMmap: true}, {InMemory: true}, {CopyOnWrite: true}} {
		path := written(t, encoded(t, nil, Source{Name: "x", DType: U8, Shape: []int{page}, Data: counted(page)}))
		f, err := Open(path, o)
		require.NoError(t, err)
		require.NoError(t, tensorOf(t, f, "x").ReadInto(make([]byte, page)))
		require.NoError(t, f.Close())
		require.NoError(t, os.WriteFile(path, []byte("something"), 0o600))
		require.NoError(t, os.Remove(path))
	}
}

func TestMissingFileIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "does not exist.safetensors")
	_, err := Open(path, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, path)
}

// A hundred thousand tensors of 160,000 bytes that all claim the same ones would be
// 16 GB: they are refused, for no more memory than the header takes.
func TestManyTensorsOnOneRangeCostLittle(t *testing.T) {
	skipIfRaced(t)
	const entry = `{"dtype":"F32","shape":[200,200],"data_offsets":[0,160000]}`
	for _, n := range []int{10, 100_000} {
		text := "{" + many(n, func(i int) string { return fmt.Sprintf(`"weight_%d":`, i) + entry }) + "}"
		_, err := openBounded(t, frame(text, make([]byte, 160_000)), nil)
		require.Equal(t, ErrOffset, kindOf(t, err))
	}
}

// The names of a dict like GPT-2's are found whatever the order that they came in.
func TestNamesInAnyOrder(t *testing.T) {
	var names []string
	for _, s := range gpt2(12, 1, 1, 1) {
		names = append(names, s.Name)
	}
	entry := func(i int, name string) string {
		return fmt.Sprintf(`%q:{"dtype":"U8","shape":[1],"data_offsets":[%d,%d]}`, name, i, i+1)
	}
	rng := rand.New(rand.NewPCG(8, 9))
	for range 20 {
		rng.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		var entries []string
		for i, name := range names {
			entries = append(entries, entry(i, name))
		}
		rng.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		f := opened(t, frame("{"+strings.Join(entries, ",")+"}", counted(len(names))), nil)
		require.Equal(t, names, f.Names(), "file order")
		for i, name := range names {
			require.Equal(t, []byte{byte(i)}, bytesOf(t, tensorOf(t, f, name)))
		}
	}
	slices.Sort(names)
	require.Len(t, slices.Compact(names), 4+13*12)
}
