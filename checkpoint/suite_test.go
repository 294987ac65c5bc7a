package checkpoint

// This file has the twins of tests of the reference's save_model and load_model, and
// of its PyTorch tests, that no other file has: files byte for byte, and views of one
// array in the groupings that the reference tells apart.

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// fileOf is a file of this header and data, without the help of our writer.
func fileOf(t testing.TB, header string, data any) []byte {
	t.Helper()
	file := append(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), header...)
	file, err := binary.Append(file, binary.LittleEndian, data)
	require.NoError(t, err)
	return file
}

func wroteModel(t testing.TB, m Model) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, WriteModel(t.Context(), &b, m, nil))
	return b.Bytes()
}

// ones is a tensor of ones.
func ones(t testing.TB, shape ...int) *tensor.Dense {
	t.Helper()
	d := counting(shape...)
	require.NoError(t, d.Memset(float32(1)))
	return d
}

// A layer of ones under two names is this file, and comes back into such a layer.
func TestTiedOnesByteForByte(t *testing.T) {
	w, b := ones(t, 4, 4), ones(t, 4)
	tied := twoLayers{w, b, w, b}
	header := `{"__metadata__":{"b.bias":"a.bias","b.weight":"a.weight","format":"pt"},` +
		`"a.bias":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},` +
		`"a.weight":{"dtype":"F32","shape":[4,4],"data_offsets":[16,80]}}`
	for len(header)%8 != 0 {
		header += " "
	}
	numbers := slices.Repeat([]float32{1}, 20)
	require.Equal(t, string(fileOf(t, header, numbers)), string(wroteModel(t, tied.model())))

	f := openPath(t, saved(t, tied.model(), nil))
	w2, b2 := counting(4, 4), counting(4)
	mustLoad(t, f, twoLayers{w2, b2, w2, b2}.model(), nil)
	require.Equal(t, numbers[:16], w2.Data())
	require.Equal(t, numbers[:4], b2.Data())
}

// Complex numbers are stored real part first.
func TestComplexNumbersByteForByte(t *testing.T) {
	numbers := []complex64{complex(1, -2), complex(0, 3), complex(-4, 0), complex(float32(math.Inf(1)), 5)}
	d := tensor.New(tensor.WithShape(2, 2), tensor.WithBacking(numbers))
	header := `{"test":{"dtype":"C64","shape":[2,2],"data_offsets":[0,32]}}    `
	want := fileOf(t, header, []float32{1, -2, 0, 3, -4, 0, float32(math.Inf(1)), 5})
	require.Equal(t, string(want), string(wroteModel(t, FromValues(map[string]*tensor.Dense{"test": d}))))
}

// Views of four numbers: each is stored as what it sees, and two of them are held
// against each other exactly where they share a number.
func TestViewsOfFourNumbers(t *testing.T) {
	for name, c := range map[string]struct {
		of    map[string][2]int
		rival map[string]string // with which view one that is stored wrongly conflicts
	}{
		"halves":      {map[string][2]int{"b": {0, 2}, "c": {2, 4}}, nil},
		"one shared":  {map[string][2]int{"b": {0, 2}, "c": {1, 4}}, map[string]string{"b": "c", "c": "b"}},
		"half of one": {map[string][2]int{"b": {0, 2}, "c": {2, 4}, "d": {0, 1}}, map[string]string{"b": "d", "d": "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			m := FromValues(views(count(0, 4), c.of))
			f := openPath(t, saved(t, m, nil))
			require.Equal(t, slices.Sorted(maps.Keys(c.of)), f.Names())
			require.Nil(t, f.Metadata(), "no aliases")
			for name, r := range c.of {
				require.Equal(t, count(float32(r[0]), r[1]-r[0]), float32sOf(t, f, name))
			}
			for name := range c.of {
				requireRival(t, c.of, name, c.rival[name])
			}
		})
	}
}

// requireRival stores one of the views with other numbers than the array has.
func requireRival(t *testing.T, of map[string][2]int, name, rival string) {
	t.Helper()
	stored := storedViews(count(0, 4), of)
	r := of[name]
	stored[name] = floatsIn(name, []int{r[1] - r[0]}, count(50, r[1]-r[0])...)
	f, m := fileFrom(t, nil, sourcesIn(stored)...), FromValues(views(make([]float32, 4), of))
	if rival == "" {
		mustLoad(t, f, m, nil)
		return
	}
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, m, nil), &e)
	require.Len(t, e.Conflicts, 1)
	require.ElementsMatch(t, []string{name, rival}, []string{e.Conflicts[0].A, e.Conflicts[0].B})
}

// Of a tensor, its first row and the tensor again, the row is stored by itself and the
// last is an alias. The reference drops the row's name; alone, it refuses the row.
func TestTensorItsRowAndItsTwin(t *testing.T) {
	whole := counting(3, 3)
	v, err := whole.Slice(tensor.S(0, 1))
	row := denseOf(t, v, err)
	f := openPath(t, saved(t, FromValues(map[string]*tensor.Dense{"A": whole, "B": row, "C": whole}), nil))
	require.Equal(t, []string{"A", "B"}, f.Names())
	require.Equal(t, map[string]string{"C": "A", "format": "pt"}, f.Metadata())
	require.Equal(t, count(0, 3), float32sOf(t, f, "B"))

	alone := openPath(t, saved(t, FromValues(map[string]*tensor.Dense{"B": row}), nil))
	require.Equal(t, count(0, 3), float32sOf(t, alone, "B"))
	x, err := alone.Tensor("B")
	require.NoError(t, err)
	require.Equal(t, int64(3*4), x.Size(), "and nothing of the rest of the array")
}

// Loading is the same whether the file is mapped, read or in memory.
func TestTiedModelLoadsFromEveryKindOfFile(t *testing.T) {
	const path = "../testdata/safetensors-py-tied.safetensors"
	for _, o := range []*safetensors.OpenOptions{nil, {NoMmap: true}, {InMemory: true}, {CopyOnWrite: true}} {
		f, err := safetensors.Open(path, o)
		require.NoError(t, err)
		l := tiedLayers()
		mustLoad(t, f, l.model(), nil)
		require.NoError(t, f.Close())
		for i, x := range l.bWeight.Data().([]float32) {
			require.Equal(t, 0.5*float32(i), x)
		}
		require.Equal(t, count(100, 3), l.bBias.Data())
	}
}

// Four at a time save, load and save again, ten times each (run with -race).
func TestRoundTripsInParallel(t *testing.T) {
	dir := t.TempDir()
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			path := filepath.Join(dir, fmt.Sprint(i))
			for round := range 10 {
				from, to := countingFrom(float32(100*i+round), 10, 5), counting(10, 5)
				if err := thereAndBack(t.Context(), path, from, to); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// thereAndBack saves from, loads it into to, and compares.
func thereAndBack(ctx context.Context, path string, from, to *tensor.Dense) error {
	o := &SaveOptions{NoSync: true}
	if err := SaveModel(ctx, path, FromValues(map[string]*tensor.Dense{"x": from}), o); err != nil {
		return err
	}
	if _, err := LoadModel(ctx, path, FromValues(map[string]*tensor.Dense{"x": to}), nil); err != nil {
		return err
	}
	if !bytes.Equal(from.Raw, to.Raw) {
		return fmt.Errorf("%s is not what was saved", path)
	}
	return nil
}
