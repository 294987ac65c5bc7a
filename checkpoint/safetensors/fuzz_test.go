package safetensors

// This file states what holds for every input. The seeds are the vectors and the
// golden files.

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func seedFiles(f *testing.F, add func(file []byte)) {
	for _, v := range corpus(f) {
		add(v.File)
	}
	paths, err := filepath.Glob(filepath.Join(goldenDir, "*.safetensors"))
	require.NoError(f, err)
	for _, path := range paths {
		file, err := os.ReadFile(path)
		require.NoError(f, err)
		add(file)
	}
}

// FuzzOpen takes whole files.
func FuzzOpen(f *testing.F) {
	seedFiles(f, func(file []byte) { f.Add(file) })
	f.Fuzz(func(t *testing.T, file []byte) { requireLaws(t, file) })
}

// FuzzHeader takes headers, to which it makes the data that they claim.
func FuzzHeader(f *testing.F) {
	seedFiles(f, func(file []byte) {
		if len(file) >= lengthBytes {
			n := min(binary.LittleEndian.Uint64(file), uint64(len(file)-lengthBytes))
			f.Add(string(file[lengthBytes:][:n]))
		}
	})
	f.Fuzz(func(t *testing.T, text string) {
		requireLaws(t, frame(text, make([]byte, claimed(text))))
		requireAgreement(t, text)
	})
}

// claimed is how many bytes of data a header asks for, at most 64 KiB.
func claimed(text string) uint64 {
	h, err := parseHeader([]byte(text), true)
	if err != nil {
		return 0
	}
	end := uint64(0)
	for _, e := range h.entries {
		if e.end <= 1<<16 {
			end = max(end, e.end)
		}
	}
	return end
}

// requireLaws opens a file in both modes and requires what must hold.
func requireLaws(t *testing.T, file []byte) {
	strict, strictErr := openBounded(t, file, nil)
	lenient, lenientErr := openBounded(t, file, &OpenOptions{Lenient: true})
	if lenientErr != nil {
		require.Error(t, strictErr, "only the strict reader takes %q", file)
		return
	}
	requireWhole(t, lenient, file)
	require.Equal(t, forgiven(t, file), len(lenient.Forgiven()) > 0)
	if forgiven(t, file) {
		require.Error(t, strictErr)
		require.Contains(t, []ErrorKind{ErrDuplicate, ErrHeaderJSON}, kindOf(t, strictErr))
		return
	}
	require.NoError(t, strictErr, "only the lenient reader takes %q", file)
	require.Equal(t, verdict(t, file, &OpenOptions{Lenient: true}), verdict(t, file, nil))
	requireWhole(t, strict, file)
}

// openBounded opens within the memory that is promised. A refusal is a
// *FormatError whose text is safe to print.
func openBounded(t *testing.T, file []byte, o *OpenOptions) (f *File, err error) {
	got := allocated(func() { f, err = OpenBytes(file, o) })
	require.LessOrEqual(t, got, 4*len(file)+1<<20)
	if err != nil {
		require.Contains(t, variants, kindOf(t, err))
		requirePlain(t, err)
		var where *FormatError
		require.ErrorAs(t, err, &where)
		require.True(t, 0 <= where.Begin && 0 <= where.End, "%v", err)
	}
	return f, err
}

// requireWhole requires of an accepted file that its tensors tile it, that each
// is found and reads the same in every way, and that what is written from them
// reads back equal, and is written again to the same bytes.
func requireWhole(t *testing.T, f *File, file []byte) {
	requireTiles(t, f, int64(len(file)))
	for name, x := range f.All() {
		found := tensorOf(t, f, name)
		require.Same(t, x.e, found.e)
		begin, end := x.Range()
		require.Equal(t, file[begin:end], bytesOf(t, x))
		whole, err := x.Slice()
		require.NoError(t, err)
		require.Equal(t, file[begin:end], bytesOf(t, whole))
	}
	f.Aliases()

	var w writeBuffer
	err := Encode(&w, sources(t, f), &WriteOptions{Metadata: f.Metadata()})
	require.NoError(t, err)
	again, err := OpenBytes(w, nil)
	require.NoError(t, err)
	require.Equal(t, f.Metadata(), again.Metadata())
	require.Equal(t, f.Len(), again.Len())
	for _, s := range sources(t, f) {
		requireTensor(t, tensorOf(t, again, s.Name), s)
	}
	require.Equal(t, []byte(w), reencoded(t, again))
}

// FuzzEncode takes two tensors and a metadata pair.
func FuzzEncode(f *testing.F) {
	f.Add("w", byte(F32), uint64(2), uint64(3), "b", byte(I8), uint64(1), uint64(0), "format", "pt", counted(24))
	f.Add("", byte(F4), uint64(2), uint64(1), "\xff", byte(U64), uint64(1), uint64(1), "", "\x00", counted(9))
	f.Add("w", byte(0), uint64(2), uint64(1), "w", byte(30), uint64(math.MaxUint64), uint64(1)<<32, "k", "\xff", counted(2))
	f.Fuzz(func(t *testing.T, name1 string, d1 byte, a1, b1 uint64, name2 string, d2 byte, a2, b2 uint64, key, value string, data []byte) {
		src := []Source{
			sized(name1, DType(d1), []int{int(a1), int(b1)}, data),
			sized(name2, DType(d2), []int{int(a2), int(b2)}, data),
		}
		metadata := map[string]string{key: value}
		var w writeBuffer
		if err := Encode(&w, src, &WriteOptions{Metadata: metadata, Checksums: true}); err != nil {
			kindOf(t, err)
			requirePlain(t, err)
			require.Empty(t, w)
			return
		}
		file, err := OpenBytes(w, nil)
		require.NoError(t, err)
		requireTiles(t, file, int64(len(w)))
		for _, s := range src {
			x := tensorOf(t, file, s.Name)
			requireTensor(t, x, s)
			stored, err := x.Verify()
			require.True(t, stored)
			require.NoError(t, err)
		}
		require.Equal(t, []byte(w), reencoded(t, file))
	})
}

// sized cuts data to what dtype and shape say, where there is as much.
func sized(name string, d DType, shape []int, data []byte) Source {
	if n, kind := sizeBytes(d, shape); kind == "" && n <= int64(len(data)) {
		data = data[:n]
	}
	return Source{Name: name, DType: d, Shape: shape, Data: data}
}
