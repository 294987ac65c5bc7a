package safetensors

// This file holds our bytes against those of other writers: hashes of what the
// reference writes, and the files of testdata, made by the Rust and the Python
// package.

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// golden are files of the reference's writer, by the hash of their bytes. The
// data of every tensor is a piece of counted(256), which src cuts out.
var golden = []struct {
	id       string
	sha256   string
	metadata map[string]string
	src      []Source
}{
	{"g01", "9bbcbf73561f6bc5d0a17ea6a2081feed2d1304e87602d8c502d9a5c4bd85576", nil, nil},
	{"g02", "60d95b10b6e140a9626a7058d5038528f2ff80148dc4569b881db56052046509", map[string]string{"format": "pt"}, nil},
	{"g03", "39ff41e20b41c4af2bedd6ce440d6062e4c2379bc9809fc1e29fa788583d9220", nil, []Source{
		{Name: "test", DType: I32, Shape: []int{2, 2}, Data: make([]byte, 16)},
	}},
	{"g04", "c6e0af472efaa31ca8f771be29ae6a886bc6e11476811e4352c6167a4b966f20", nil, []Source{
		piece("t", F32, 0, 4),
	}},
	{"g05", "e8a2c82ff08b29dc723bbeac4e8b2274b5f61edc1c524178a29de2105f5decfc", nil, []Source{
		piece("e", F32, 0, 0, 2, 0),
	}},
	{"g06", "99bfb97c860981436f07f6010e80cf00bba2287c0c2e2a9fd92d9d94c0e52362", nil, []Source{
		piece("b", F32, 0, 4, 1), piece("a", F32, 4, 8), piece("Z", F32, 0, 0, 0, 3),
		piece("u", U64, 8, 16, 1), piece("i", I64, 16, 24, 1), piece("f", F64, 24, 32, 1), piece("c", C64, 32, 40, 1),
		piece("h", F16, 40, 42, 1), piece("bf", BF16, 42, 44, 1), piece("u8", U8, 44, 47, 3),
		piece("bool", Bool, 47, 48, 1), piece("f4", F4, 48, 49, 2), piece("e8", F8E8M0, 49, 50, 1),
	}},
	{"g07", "a30ac454a730a52613a9a1530b4ad2cab18ecbfa9e585a50cded7ef54c2efee9", map[string]string{"format": "pt"}, []Source{
		piece(`q"`, U8, 0, 1, 1), piece("s/", U8, 1, 2, 1), piece("lt<>&", U8, 2, 3, 1), piece("tab\t", U8, 3, 4, 1),
		piece("nl\n", U8, 4, 5, 1), piece(`bs\`, U8, 5, 6, 1), piece("del\x7f", U8, 6, 7, 1), piece("ls\u2028", U8, 7, 8, 1),
		piece("é", U8, 8, 9, 1), piece("\U0001f600", U8, 9, 10, 1), piece("\x01\x1f\b\f\r", U8, 10, 11, 1), piece("", U8, 11, 12, 1),
	}},
	{"g08", "a3080c76686d61aca104a0504400844c3ce140ff36302112f550704a64258c52", map[string]string{"b.weight": "a.weight"}, []Source{
		piece("a.weight", F32, 0, 24, 2, 3), piece("b.bias", F32, 24, 36, 3),
	}},
	{"g09", "5ab3a451ce00fa930c4f364ce4c3d2bf254f5952922aad1297cf2abc35a86228", map[string]string{"k": "v"}, []Source{
		piece("x", U8, 0, 7, 7), piece("y", F64, 8, 24, 2), piece("z", Bool, 0, 2, 2),
	}},
}

func piece(name string, d DType, begin, end int, shape ...int) Source {
	return Source{Name: name, DType: d, Shape: shape, Data: counted(256)[begin:end]}
}

func TestEncodeGivesTheBytesOfTheReference(t *testing.T) {
	for _, g := range golden {
		t.Run(g.id, func(t *testing.T) {
			file := encoded(t, g.metadata, g.src...)
			require.Equal(t, g.sha256, fmt.Sprintf("%x", sha256.Sum256(file)), "%q", file)

			f := opened(t, file, nil)
			require.Equal(t, g.metadata, f.Metadata())
			require.Equal(t, len(g.src), f.Len())
			for _, s := range g.src {
				requireTensor(t, tensorOf(t, f, s.Name), s)
			}
			require.Equal(t, file, reencoded(t, f))
		})
	}
}

func TestEncodeOrder(t *testing.T) {
	f := opened(t, encoded(t, nil, golden[5].src...), nil)
	require.Equal(t, strings.Fields("u i f c Z a b bf h e8 u8 f4 bool"), f.Names())
	for name := range f.All() {
		require.Equal(t, "u", name)
		break // a walk may end early
	}
	f = opened(t, encoded(t, nil, golden[8].src...), nil)
	require.Equal(t, strings.Fields("y x z"), f.Names())
}

// requireTensor compares a stored tensor with what was written.
func requireTensor(t tb, x Tensor, s Source) {
	t.Helper()
	require.Equal(t, s.Name, x.Name())
	require.Equal(t, s.DType, x.DType())
	require.Equal(t, append([]int{}, s.Shape...), append([]int{}, x.Shape()...))
	require.Equal(t, int64(len(s.Data)), x.Size())
	require.True(t, bytes.Equal(s.Data, bytesOf(t, x)), "data of %q", s.Name)
}

// reencoded writes what f holds again.
func reencoded(t tb, f *File) []byte {
	t.Helper()
	return encoded(t, f.Metadata(), sources(t, f)...)
}

// sources are the tensors of f as they are to be written.
func sources(t tb, f *File) []Source {
	var src []Source
	for name, x := range f.All() {
		src = append(src, Source{Name: name, DType: x.DType(), Shape: x.Shape(), Data: bytesOf(t, x)})
	}
	return src
}

// A goldenFile is what testdata/golden.json says of one file; see the README
// there.
type goldenFile struct {
	SHA256   string
	Size     int64
	Metadata map[string]string
	Tensors  []struct {
		Name, DType, Head string
		Shape             []int
		Offsets           [2]int64 `json:"data_offsets"`
		Float32           []string
	}
}

const goldenDir = "../../testdata"

func goldenFiles(t testing.TB) map[string]goldenFile {
	text, err := os.ReadFile(filepath.Join(goldenDir, "golden.json"))
	require.NoError(t, err)
	var files map[string]goldenFile
	require.NoError(t, json.Unmarshal(text, &files))
	require.NotEmpty(t, files)
	return files
}

func TestGoldenFiles(t *testing.T) {
	for name, want := range goldenFiles(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(goldenDir, name)
			file, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, want.SHA256, fmt.Sprintf("%x", sha256.Sum256(file)), "the file has changed")
			require.Equal(t, want.Size, int64(len(file)))

			for _, o := range []*OpenOptions{nil, {NoMmap: true}, {Lenient: true}, {CopyOnWrite: true}} {
				f, err := Open(path, o)
				require.NoError(t, err)
				requireGolden(t, f, want)
				if !strings.Contains(name, "misaligned") { // those are of writers that were not canonical
					require.Equal(t, file, reencoded(t, f))
				}
				require.NoError(t, f.Close())
			}
		})
	}
}

func requireGolden(t *testing.T, f *File, want goldenFile) {
	require.Equal(t, want.Metadata, f.Metadata())
	require.Equal(t, len(want.Tensors), f.Len())
	names := f.Names()
	for _, w := range want.Tensors {
		x := tensorOf(t, f, w.Name)
		require.Contains(t, names, w.Name)
		require.Equal(t, w.DType, x.DType().String())
		require.Equal(t, w.Shape, append([]int{}, x.Shape()...))
		begin, end := x.Range()
		require.Equal(t, w.Offsets[0]+f.shards[0].h.dataStart(), begin)
		require.Equal(t, w.Offsets[1]+f.shards[0].h.dataStart(), end)
		data := bytesOf(t, x)
		require.Equal(t, w.Head, hex.EncodeToString(data[:min(16, len(data))]))
		if w.Float32 != nil && x.DType() != F64 {
			requireFloats(t, x, w.Float32)
		}
	}
}

// requireFloats compares with values as Python printed them.
func requireFloats(t *testing.T, x Tensor, want []string) {
	got, err := x.Float32s(nil)
	require.NoError(t, err)
	require.Len(t, got, len(want))
	for i, text := range want {
		w, err := strconv.ParseFloat(text, 32)
		require.NoError(t, err)
		if w != w {
			require.True(t, got[i] != got[i], "element %d of %q is %v, want NaN", i, x.Name(), got[i])
			continue
		}
		require.Equal(t, float32(w), got[i], "element %d of %q", i, x.Name())
		require.Equal(t, strings.HasPrefix(text, "-"), 1/got[i] < 0 || got[i] < 0, "sign of element %d of %q", i, x.Name())
	}
}

func TestGoldenFilesAreAllDescribed(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(goldenDir, "*.safetensors"))
	require.NoError(t, err)
	described := goldenFiles(t)
	require.Len(t, files, len(described))
	require.True(t, slices.ContainsFunc(files, func(f string) bool { return strings.Contains(f, "misaligned") }))
}
