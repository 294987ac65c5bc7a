package checkpoint

// These tests are about the options of a save, and what is in the file then.

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// threeParams is a model of a.w (2, 3), a.b (3) and c, a Go number.
func threeParams() map[string]gorgonia.Value {
	return map[string]gorgonia.Value{"a.w": counting(2, 3), "a.b": countingFrom(10, 3), "c": gorgonia.NewF64(0.1)}
}

func inA(param string) bool { return strings.HasPrefix(param, "a.") }

// onlyFileIn requires that dir holds that file and nothing else.
func onlyFileIn(t testing.TB, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	require.Equal(t, append([]string{}, want...), names)
}

func TestSaveOnlySome(t *testing.T) {
	f := openPath(t, saved(t, FromValues(threeParams()), &SaveOptions{Only: inA}))
	require.Equal(t, []string{"a.b", "a.w"}, f.Names())

	// Only one name of a tie: stored whole under that, with no alias.
	l := tiedLayers()
	f = openPath(t, saved(t, l.model(), &SaveOptions{Only: func(p string) bool { return p == "b.weight" }}))
	require.Equal(t, []string{"b.weight"}, f.Names())
	require.Nil(t, f.Metadata())
}

// Nothing to save, or to load, is a mistake in the program.
func TestNothingSelectedIsAnError(t *testing.T) {
	none := func(string) bool { return false }
	m := FromValues(threeParams())
	path := filepath.Join(t.TempDir(), "m")
	for _, err := range []error{
		SaveModel(t.Context(), path, m, &SaveOptions{Only: none}),
		WriteModel(t.Context(), &bytes.Buffer{}, m, &SaveOptions{Only: none}),
		refused(t, fileFrom(t, nil), m, &LoadOptions{Only: none}),
	} {
		require.ErrorIs(t, err, ErrModel)
		require.ErrorContains(t, err, "Only selects none")
	}
	onlyFileIn(t, filepath.Dir(path))
}

func TestMetadataGetsAFormat(t *testing.T) {
	m := FromValues(threeParams())
	for _, c := range []struct{ given, want map[string]string }{
		{nil, nil},
		{map[string]string{}, nil},
		{map[string]string{"epoch": "3"}, map[string]string{"epoch": "3", "format": "pt"}},
		{map[string]string{"format": "mlx"}, map[string]string{"format": "mlx"}},
	} {
		before := fmt.Sprint(c.given)
		require.Equal(t, c.want, openPath(t, saved(t, m, &SaveOptions{Metadata: c.given})).Metadata())
		require.Equal(t, before, fmt.Sprint(c.given), "the caller's map is the caller's")
	}
	sums := openPath(t, saved(t, m, &SaveOptions{Checksums: true})).Metadata()
	require.Equal(t, "pt", sums["format"])
	require.Len(t, sums, 1+3)
}

// Metadata of another file may be handed on; its checksums are not.
func TestMetadataOfAnotherFile(t *testing.T) {
	m := threeParams()
	old := openPath(t, saved(t, FromValues(m), &SaveOptions{Checksums: true, Metadata: map[string]string{"author": "Graiae"}}))
	m["c"] = gorgonia.NewF64(0.2)
	given := old.Metadata()
	f := openPath(t, saved(t, FromValues(m), &SaveOptions{Metadata: given}))
	require.Equal(t, map[string]string{"author": "Graiae", "format": "pt"}, f.Metadata())
	mustLoad(t, f, FromValues(m), nil)
	require.Equal(t, old.Metadata(), given, "the caller's map is the caller's")

	f = openPath(t, saved(t, FromValues(m), &SaveOptions{Metadata: given, Checksums: true}))
	mustLoad(t, f, FromValues(m), nil)
}

func TestChecksumsAreStoredAndVerified(t *testing.T) {
	m := threeParams()
	require.NoError(t, m["a.w"].(*tensor.Dense).T())
	path := saved(t, FromValues(m), &SaveOptions{Checksums: true, DType: func(p string) safetensors.DType {
		if p == "a.b" {
			return safetensors.BF16
		}
		return 0
	}})
	f := openPath(t, path)
	for name, x := range f.All() {
		stored, err := x.Verify()
		require.NoError(t, err)
		require.True(t, stored, name)
	}
	mustLoad(t, f, FromValues(m), &LoadOptions{Cast: CastExact})

	// Flip one bit of each tensor in turn.
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, x := range f.All() {
		begin, end := x.Range()
		for _, at := range []int64{begin, end - 1} {
			bad := bytes.Clone(whole)
			bad[at] ^= 1
			damaged, err := safetensors.OpenBytes(bad, nil)
			require.NoError(t, err)
			err = refused(t, damaged, FromValues(m), &LoadOptions{Cast: CastExact})
			require.ErrorIs(t, err, safetensors.ErrChecksum)
			var e *safetensors.FormatError
			require.ErrorAs(t, err, &e)
			require.Equal(t, name, e.Tensor)

			keep := map[string]gorgonia.Value{"a.w": counting(3, 2), "a.b": counting(3), "c": gorgonia.NewF64(0)}
			mustLoad(t, damaged, FromValues(keep), &LoadOptions{Cast: CastExact, SkipChecksums: true})
		}
	}
}

func TestDTypeOfTheFile(t *testing.T) {
	m := map[string]gorgonia.Value{
		"w": tensor.New(tensor.WithShape(2, 2), tensor.WithBacking([]float32{1, 65504, 1e-8, float32(math.Pi)})),
		"v": tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{0.1, -3})),
		"n": tensor.New(tensor.WithShape(2), tensor.WithBacking([]int64{-1, 127})),
		"s": gorgonia.NewF32(0.5),
	}
	before := liveBytes(FromValues(m))
	as := map[string]safetensors.DType{"w": safetensors.F16, "v": safetensors.F32, "n": safetensors.I8, "s": safetensors.F64}
	f := openPath(t, saved(t, FromValues(m), &SaveOptions{DType: func(p string) safetensors.DType { return as[p] }}))
	for name, want := range as {
		x, err := f.Tensor(name)
		require.NoError(t, err)
		require.Equal(t, want, x.DType())
	}
	require.Equal(t, numbersIn("", safetensors.F16, nil, []uint16{0x3c00, 0x7bff, 0, 0x4248}).Data, storedBytes(t, f, "w"))
	require.Equal(t, []float32{0.1, -3}, float32sOf(t, f, "v"))
	require.Equal(t, []byte{255, 127}, storedBytes(t, f, "n"))
	require.Equal(t, numbersIn("", safetensors.F64, nil, []float64{0.5}).Data, storedBytes(t, f, "s"))
	require.Equal(t, before, liveBytes(FromValues(m)))
}

// A value that the file's dtype cannot hold stops the save, whatever was written.
func TestOverflowStopsTheSave(t *testing.T) {
	for _, c := range []struct {
		value gorgonia.Value
		to    safetensors.DType
	}{
		{tensor.New(tensor.WithShape(3), tensor.WithBacking([]float32{1, 65520, 2})), safetensors.F16},
		{tensor.New(tensor.WithShape(2), tensor.WithBacking([]float64{1, 1e39})), safetensors.F32},
		{tensor.New(tensor.WithShape(2), tensor.WithBacking([]float32{1, math.MaxFloat32})), safetensors.BF16},
		{tensor.New(tensor.WithShape(2), tensor.WithBacking([]int32{1, -129})), safetensors.I8},
		{tensor.New(tensor.WithShape(2), tensor.WithBacking([]int32{1, -1})), safetensors.U64},
	} {
		for _, checksums := range []bool{false, true} {
			path := filepath.Join(t.TempDir(), "m.safetensors")
			require.NoError(t, os.WriteFile(path, []byte("old"), 0o666))
			m := FromValues(map[string]gorgonia.Value{"a": counting(2), "x": c.value})
			err := SaveModel(t.Context(), path, m, &SaveOptions{
				Checksums: checksums,
				DType: func(p string) safetensors.DType {
					if p == "x" {
						return c.to
					}
					return 0
				},
			})
			require.ErrorIs(t, err, ErrCast)
			var e *CastError
			require.ErrorAs(t, err, &e)
			require.Equal(t, "x", e.Reports[0].Name)
			require.Equal(t, c.to, e.Reports[0].To)
			require.Equal(t, int64(1), e.Reports[0].Overflowed)
			got, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Equal(t, "old", string(got))
			onlyFileIn(t, filepath.Dir(path), "m.safetensors")
		}
	}
}

// Infinities and NaNs are values, not overflows.
func TestInfinitiesMayBeStoredNarrow(t *testing.T) {
	x := []float32{float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN()), float32(math.Copysign(0, -1))}
	m := FromValues(map[string]*tensor.Dense{"x": tensor.New(tensor.WithShape(4), tensor.WithBacking(x))})
	f := openPath(t, saved(t, m, &SaveOptions{DType: func(string) safetensors.DType { return safetensors.F16 }}))
	require.Equal(t, numbersIn("", safetensors.F16, nil, []uint16{0x7c00, 0xfc00, 0x7e00, 0x8000}).Data, storedBytes(t, f, "x"))
}

func TestWhatOptionsSayIsCheckedAtOnce(t *testing.T) {
	m := FromValues(map[string]gorgonia.Value{
		"a": counting(2, 3), "b": counting(2, 3), "c": counting(2, 3), "d": counting(2, 3), "e": counting(2), "f": counting(2), "ok": counting(2),
	})
	path := filepath.Join(t.TempDir(), "m")
	err := SaveModel(t.Context(), path, m, &SaveOptions{
		Stored: func(p string) Stored {
			return map[string]Stored{
				"a": {Slice: []safetensors.Index{safetensors.At(0)}},
				"b": {Name: "same"},
				"c": {Name: "same"},
				"d": {Name: "__metadata__"},
			}[p]
		},
		DType: func(p string) safetensors.DType {
			return map[string]safetensors.DType{"e": safetensors.I32, "f": safetensors.F8E4M3, "ok": safetensors.BF16}[p]
		},
	})
	var e *ModelError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []Problem{
		{"a", "Stored.Slice is for loading: a slice of a tensor cannot be saved"},
		{"c", `stored as "same", and so is "b"`},
		{"d", `stored as "__metadata__": the name is the file format's own`},
		{"e", "SaveOptions.DType: F32 does not convert to I32"},
		{"f", "SaveOptions.DType: F32 does not convert to F8_E4M3"},
	}, e.Problems)
	require.ErrorContains(t, err, "checkpoint: the model cannot be saved or loaded as it is: 5 problems: ")
	onlyFileIn(t, filepath.Dir(path))
}

func TestSaveReportsProgress(t *testing.T) {
	big := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(5<<20)) // 20 MiB
	turned := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(1000, 1000))
	require.NoError(t, turned.T())
	m := FromValues(map[string]*tensor.Dense{"a": counting(10), "big": big, "turned": turned})
	var seen, totals []int64
	path := saved(t, m, &SaveOptions{NoSync: true, Progress: func(done, total int64) {
		seen, totals = append(seen, done), append(totals, total)
	}})
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Greater(t, len(seen), 3)
	for i, done := range seen {
		require.Equal(t, info.Size(), totals[i])
		if i > 0 {
			require.Greater(t, done, seen[i-1])
			require.LessOrEqual(t, done-seen[i-1], int64(8<<20), "pieces are small enough for a progress bar, and for cancelling")
		}
	}
	require.Equal(t, info.Size(), seen[len(seen)-1])
}

// A sizedBuffer has a Reserve, as files have.
type sizedBuffer struct {
	bytes.Buffer
	reserved int64
	err      error
}

func (b *sizedBuffer) Reserve(size int64) error {
	if b.Len() > 0 {
		panic("room was asked for after a write")
	}
	b.reserved = size
	return b.err
}

func TestWriteModelWritesTheFile(t *testing.T) {
	m := FromValues(threeParams())
	o := &SaveOptions{Metadata: map[string]string{"k": "v"}, Checksums: true}
	want, err := os.ReadFile(saved(t, m, o))
	require.NoError(t, err)

	var plain bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &plain, m, o))
	require.Equal(t, want, plain.Bytes())

	var sized sizedBuffer
	require.NoError(t, WriteModel(t.Context(), &sized, m, o))
	require.Equal(t, want, sized.Bytes())
	require.Equal(t, int64(len(want)), sized.reserved)

	full := &sizedBuffer{err: errors.New("no room")}
	require.ErrorIs(t, WriteModel(t.Context(), full, m, o), full.err)
	require.Zero(t, full.Len())

	require.ErrorIs(t, WriteModel(t.Context(), &plain, FromNodes(), nil), ErrModel)
}

// The same tensors and metadata give the same bytes, whatever the order of the model
// and of what memory they lie in.
func TestSaveIsDeterministic(t *testing.T) {
	g := gorgonia.NewGraph()
	var nodes []*gorgonia.Node
	for i := range 20 {
		v := countingFrom(float32(i), 2, 3)
		if i%2 == 0 {
			require.NoError(t, v.T())
			v = v.Materialize().(*tensor.Dense)
			require.NoError(t, v.T())
		}
		nodes = append(nodes, gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithName(fmt.Sprint("n", i)), gorgonia.WithValue(v)))
	}
	o := &SaveOptions{Metadata: map[string]string{"x": "1", "y": "2", "z": "3"}}
	want, err := os.ReadFile(saved(t, FromNodes(nodes...), o))
	require.NoError(t, err)
	for range 5 {
		nodes = append(nodes[7:], nodes[:7]...)
		got, err := os.ReadFile(saved(t, FromNodes(nodes...), o))
		require.NoError(t, err)
		require.True(t, bytes.Equal(want, got))
	}
}

// A save reads; two at once are two readers (run with -race).
func TestSavesInParallel(t *testing.T) {
	m := FromValues(threeParams())
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			require.NoError(t, SaveModel(t.Context(), filepath.Join(dir, fmt.Sprint(i)), m, nil))
		})
	}
	group.Wait()
	want, err := os.ReadFile(filepath.Join(dir, "0"))
	require.NoError(t, err)
	for i := range 8 {
		got, err := os.ReadFile(filepath.Join(dir, fmt.Sprint(i)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Align moves the data in the file, and is refused before a file is made.
func TestSaveAlign(t *testing.T) {
	for _, checksums := range []bool{false, true} {
		o := &SaveOptions{Align: 4096, Checksums: checksums}
		path := saved(t, FromValues(threeParams()), o)
		f := openPath(t, path)
		for _, x := range f.All() { // the first in the file
			begin, _ := x.Range()
			require.Zero(t, begin%4096)
			break
		}
		mustLoad(t, f, FromValues(threeParams()), nil)
		var w bytes.Buffer
		require.NoError(t, WriteModel(t.Context(), &w, FromValues(threeParams()), o))
		file, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, file, w.Bytes())
	}
	path := filepath.Join(t.TempDir(), "m")
	require.ErrorContains(t, SaveModel(t.Context(), path, FromValues(threeParams()), &SaveOptions{Align: 100}), "Align is 100")
	onlyFileIn(t, filepath.Dir(path))
}
