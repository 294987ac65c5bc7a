package checkpoint

// These tests are about tensors that share some of their memory and are no ties.

import (
	"fmt"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// views makes vectors over one array of numbers: name, first element, length.
func views(backing []float32, of map[string][2]int) map[string]*tensor.Dense {
	m := map[string]*tensor.Dense{}
	for name, r := range of {
		m[name] = tensor.New(tensor.WithShape(r[1]-r[0]), tensor.WithBacking(backing[r[0]:r[1]]))
	}
	return m
}

// nested is what the reference groups wrongly: the last is behind the one before it
// and inside the first.
var nested = map[string][2]int{"outer": {0, 100}, "early": {10, 20}, "late": {30, 40}}

func storedViews(numbers []float32, of map[string][2]int) map[string]safetensors.Source {
	m := map[string]safetensors.Source{}
	for name, r := range of {
		m[name] = floatsIn(name, []int{r[1] - r[0]}, numbers[r[0]:r[1]]...)
	}
	return m
}

func sourcesIn(m map[string]safetensors.Source) []safetensors.Source {
	var all []safetensors.Source
	for _, s := range m {
		all = append(all, s)
	}
	return all
}

func TestNestedViewsAreEachStored(t *testing.T) {
	f := openPath(t, saved(t, FromValues(views(count(0, 100), nested)), nil))
	require.Equal(t, []string{"early", "late", "outer"}, f.Names())
	require.Nil(t, f.Metadata(), "overlaps are no aliases")
	require.Equal(t, count(30, 10), float32sOf(t, f, "late"))

	backing := make([]float32, 100)
	mustLoad(t, f, FromValues(views(backing, nested)), nil)
	require.Equal(t, count(0, 100), backing)
}

func TestOverlapsThatDisagreeAreRefused(t *testing.T) {
	numbers := count(0, 100)
	for name, rival := range map[string]string{"early": "outer", "late": "outer", "outer": ""} {
		t.Run(name, func(t *testing.T) {
			stored := storedViews(numbers, nested)
			r := nested[name]
			other := append([]float32{}, numbers[r[0]:r[1]]...)
			other[len(other)-1] = -1
			stored[name] = floatsIn(name, []int{len(other)}, other...)
			m := FromValues(views(make([]float32, 100), nested))
			if rival == "" { // the last of outer is in no other view
				mustLoad(t, fileFrom(t, nil, sourcesIn(stored)...), m, nil)
				return
			}
			var e *MismatchError
			require.ErrorAs(t, refused(t, fileFrom(t, nil, sourcesIn(stored)...), m, nil), &e)
			require.Equal(t, &MismatchError{Conflicts: []Conflict{{rival, name}}}, e)
		})
	}
}

// Without the rival nothing contradicts.
func TestOverlapsOfWhatIsNotLoadedDoNotCount(t *testing.T) {
	stored := storedViews(count(0, 100), nested)
	stored["early"] = floatsIn("early", []int{10}, make([]float32, 10)...)
	backing := make([]float32, 100)
	mustLoad(t, fileFrom(t, nil, sourcesIn(stored)...), FromValues(views(backing, nested)), &LoadOptions{
		Only: func(param string) bool { return param != "early" },
	})
	require.Equal(t, count(0, 100), backing)
}

// Two columns of a matrix lie across each other without sharing an element.
func TestColumnsOfOneMatrix(t *testing.T) {
	columns := func() (*tensor.Dense, Model) {
		matrix, m := counting(4, 3), map[string]*tensor.Dense{}
		for k := range 3 {
			v, err := matrix.Slice(nil, tensor.S(k))
			m[fmt.Sprintf("column%d", k)] = denseOf(t, v, err)
		}
		return matrix, FromValues(m)
	}
	matrix, m := columns()
	f := openPath(t, saved(t, m, nil))
	require.Equal(t, []float32{1, 4, 7, 10}, float32sOf(t, f, "column1"))

	f = fileFrom(t, nil,
		floatsIn("column0", []int{4}, 10, 20, 30, 40),
		floatsIn("column1", []int{4}, 11, 21, 31, 41),
		floatsIn("column2", []int{4}, 12, 22, 32, 42))
	mustLoad(t, f, m, nil)
	require.Equal(t, []float32{10, 11, 12, 20, 21, 22, 30, 31, 32, 40, 41, 42}, matrix.Data())
}

// Halves of one array share nothing. (The reference's save_model refuses them.)
func TestHalvesOfOneArray(t *testing.T) {
	halves := map[string][2]int{"left": {0, 5}, "right": {5, 10}}
	f := openPath(t, saved(t, FromValues(views(count(0, 10), halves)), nil))
	backing := make([]float32, 10)
	m := FromValues(views(backing, halves))
	mustLoad(t, f, m, nil)
	require.Equal(t, count(0, 10), backing)
	params, err := collect(m)
	require.NoError(t, err)
	require.Empty(t, overlaps(ties(params)), "nothing to compare")
}

// A tensor and its transposed view hold the same numbers in another order.
func TestTensorAndItsTransposedView(t *testing.T) {
	both := func(w *tensor.Dense) Model {
		turned := w.ShallowClone()
		require.NoError(t, turned.T())
		return FromValues(map[string]*tensor.Dense{"w": w, "wT": turned})
	}
	f := openPath(t, saved(t, both(counting(2, 3)), nil))
	require.Equal(t, []float32{0, 3, 1, 4, 2, 5}, float32sOf(t, f, "wT"))

	w := tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(2, 3))
	mustLoad(t, f, both(w), nil)
	require.Equal(t, count(0, 6), w.Data())

	err := refused(t, fileFrom(t, nil, floatsIn("w", []int{2, 3}, count(0, 6)...), floatsIn("wT", []int{3, 2}, count(0, 6)...)), both(w), nil)
	var e *MismatchError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []Conflict{{"w", "wT"}}, e.Conflicts)
}

// What is compared is bytes, whatever the dtypes on top of them, after conversion.
func TestOverlapOfTwoDTypes(t *testing.T) {
	model := func(backing []float32) Model {
		bits := unsafe.Slice((*int32)(unsafe.Pointer(&backing[0])), len(backing))
		return Group(map[string]Model{
			"":  FromValues(map[string]*tensor.Dense{"floats": tensor.New(tensor.WithShape(4), tensor.WithBacking(backing))}),
			"i": FromValues(map[string]*tensor.Dense{"bits": tensor.New(tensor.WithShape(3), tensor.WithBacking(bits[:3]))}),
		})
	}
	f := openPath(t, saved(t, model(count(1, 4)), nil))
	require.Equal(t, 2, f.Len())
	backing := make([]float32, 4)
	mustLoad(t, f, model(backing), nil)
	require.Equal(t, count(1, 4), backing)

	wide := numbersIn("floats", safetensors.F64, []int{4}, []float64{1, 2, 3, 4})
	bits := numbersIn("i.bits", safetensors.I32, []int{3}, []uint32{0x3f800000, 0x40000000, 0x40400000})
	clear(backing)
	mustLoad(t, fileFrom(t, nil, wide, bits), model(backing), &LoadOptions{Cast: CastExact})
	require.Equal(t, count(1, 4), backing)

	bits = numbersIn("i.bits", safetensors.I32, []int{3}, []uint32{0x3f800000, 0x40000000, 0x40400001})
	require.ErrorIs(t, refused(t, fileFrom(t, nil, wide, bits), model(backing), &LoadOptions{Cast: CastExact}), ErrMismatch)
}

// However many views there are, the two that are named are the two that differ.
func TestConflictAmongManyViews(t *testing.T) {
	const n = 600
	of := map[string][2]int{}
	for i := range n { // each shares one element with the next
		of[fmt.Sprintf("v%03d", i)] = [2]int{i, i + 2}
	}
	stored := storedViews(count(0, n+2), of)
	for _, at := range []int{1, 254, 255, 256, 300, 511, 512, 599} {
		wrong := fmt.Sprintf("v%03d", at)
		changed := stored[wrong]
		stored[wrong] = floatsIn(wrong, []int{2}, -1, float32(at+1))
		var e *MismatchError
		require.ErrorAs(t, refused(t, fileFrom(t, nil, sourcesIn(stored)...), FromValues(views(make([]float32, n+1), of)), nil), &e)
		require.Equal(t, []Conflict{{fmt.Sprintf("v%03d", at-1), wrong}}, e.Conflicts)
		stored[wrong] = changed
	}
}
