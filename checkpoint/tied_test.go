package checkpoint

// These tests are about which file goes into which model, where one of them has several
// names for a tensor. What the reference does with each pair is in its own words in the
// comments; where we differ, the comment says so.

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

func TestFilesOfTheReferenceLoad(t *testing.T) {
	for file, want := range map[string]struct {
		weight, bias float32 // the first element of each, for a
		aliased      map[string]string
	}{
		"tied":         {0, 100, map[string]string{"b.weight": "a.weight", "b.bias": "a.bias"}},
		"tied-b-only":  {0, 100, map[string]string{"a.weight": "b.weight", "a.bias": "b.bias"}},
		"tied-mixed":   {0, 100, map[string]string{"b.weight": "a.weight", "a.bias": "b.bias"}},
		"untied-equal": {0, 100, map[string]string{}},
	} {
		t.Run(file, func(t *testing.T) {
			l := tiedLayers()
			report, err := LoadModel(t.Context(), "../testdata/safetensors-py-"+file+".safetensors", l.model(), nil)
			require.NoError(t, err)
			for i, x := range l.bWeight.Data().([]float32) {
				require.Equal(t, want.weight+0.5*float32(i), x)
			}
			require.Equal(t, count(want.bias, 3), l.aBias.Data())
			require.Equal(t, want.aliased, report.Aliased)
			require.Equal(t, []string{"a.bias", "a.weight", "b.bias", "b.weight"}, report.Loaded)
			require.Equal(t, int64(15*4), report.Bytes, "a tie is copied once")
		})
	}
	untied := untiedLayers()
	_, err := LoadModel(t.Context(), "../testdata/safetensors-py-untied.safetensors", untied.model(), nil)
	require.NoError(t, err)
	require.Equal(t, count(100, 3), untied.aBias.Data())
	require.Equal(t, count(150, 3), untied.bBias.Data())
}

// TestTiedPairs is the table of what file meets which model.
func TestTiedPairs(t *testing.T) {
	for _, c := range []struct {
		name     string
		metadata map[string]string
		stored   []safetensors.Source
		model    twoLayers
		// The first element of a.weight and b.weight after the load, or the error.
		a, b float32
		want *MismatchError
	}{
		{name: "M1 a only, tied", metadata: bAliases, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: tiedLayers(), a: 100, b: 100},
		{name: "M2 M18 b only, tied", stored: []safetensors.Source{weightOf("b", 0), biasOf("b", 0)}, model: tiedLayers(), a: 100, b: 100},
		{name: "M3 mixed, tied", stored: []safetensors.Source{weightOf("a", 0), biasOf("b", 0)}, model: tiedLayers(), a: 100, b: 100},
		// The reference calls b.* unexpected here; equal bytes contradict nothing.
		{name: "M4 both and equal, tied", stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0), weightOf("b", 0), biasOf("b", 0)}, model: tiedLayers(), a: 100, b: 100},
		{
			name: "M4 both and different, tied", stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0), weightOf("b", 1), biasOf("b", 0)}, model: tiedLayers(),
			want: &MismatchError{Conflicts: []Conflict{{"a.weight", "b.weight"}}},
		},
		{
			name: "M4 all different, tied", stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0), weightOf("b", 1), biasOf("b", 1)}, model: tiedLayers(),
			want: &MismatchError{Conflicts: []Conflict{{"a.bias", "b.bias"}, {"a.weight", "b.weight"}}},
		},
		// Only the kept name is missing, as in the reference.
		{
			name: "M5 no bias, tied", metadata: bAliases, stored: []safetensors.Source{weightOf("a", 0)}, model: tiedLayers(),
			want: &MismatchError{Missing: []Missing{{Param: "a.bias", Stored: "a.bias"}}},
		},
		// Beyond the reference, which calls b.* missing.
		{name: "M6 a only, untied", metadata: bAliases, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(), a: 100, b: 100},
		{
			name: "a only without aliases, untied", stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(),
			want: &MismatchError{Missing: []Missing{{Param: "b.bias", Stored: "b.bias"}, {Param: "b.weight", Stored: "b.weight"}}},
		},
		{
			name: "M7 another shape, tied", metadata: bAliases, stored: []safetensors.Source{floatsIn("a.weight", []int{4, 3}, count(0, 12)...), biasOf("a", 0)}, model: tiedLayers(),
			want: &MismatchError{Shapes: []ShapeMismatch{{Param: "a.weight", Stored: "a.weight", Got: []int{4, 3}, Want: []int{3, 4}}}},
		},
		{
			name: "M8 M17 another dtype, tied", metadata: bAliases, stored: []safetensors.Source{weightOf("a", 0), numbersIn("a.bias", safetensors.F64, []int{3}, make([]float64, 3))}, model: tiedLayers(),
			want: &MismatchError{DTypes: []DTypeMismatch{{"a.bias", "a.bias", safetensors.F64, safetensors.F32, true}}},
		},
		{
			name: "M10 chain", metadata: map[string]string{"b.weight": "x", "x": "a.weight", "b.bias": "a.bias"}, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(),
			a: 100, b: 100,
		},
		{
			name: "M10 cycle", metadata: map[string]string{"b.weight": "x", "x": "b.weight", "b.bias": "a.bias"}, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(),
			want: &MismatchError{Missing: []Missing{{Param: "b.weight", Stored: "b.weight"}}},
		},
		{
			name: "M11 target missing", metadata: map[string]string{"b.weight": "gone", "b.bias": "a.bias"}, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(),
			want: &MismatchError{Missing: []Missing{{Param: "b.weight", Stored: "b.weight"}}},
		},
		{
			name: "M12 the alias is a tensor too", metadata: bAliases, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0), weightOf("b", 50), biasOf("b", 50)}, model: untiedLayers(),
			a: 100, b: 150,
		},
		{
			name: "M13 alias of another shape", metadata: map[string]string{"b.weight": "a.bias", "b.bias": "a.bias"}, stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0)}, model: untiedLayers(),
			want: &MismatchError{Shapes: []ShapeMismatch{{Param: "b.weight", Stored: "b.weight", Got: []int{3}, Want: []int{3, 4}}}},
		},
		// The file says that b is another tensor than a; the model, that they are one.
		{
			name: "aliases that contradict the model", metadata: map[string]string{"b.weight": "x.weight", "b.bias": "a.bias"},
			stored: []safetensors.Source{weightOf("a", 0), biasOf("a", 0), weightOf("x", 1)}, model: tiedLayers(),
			want: &MismatchError{Conflicts: []Conflict{{"a.weight", "b.weight"}}},
		},
		{
			name: "aliases of equal tensors", metadata: map[string]string{"b.weight": "x.weight", "a.weight": "y.weight", "b.bias": "a.bias"},
			stored: []safetensors.Source{weightOf("y", 0), biasOf("a", 0), weightOf("x", 0)}, model: tiedLayers(), a: 100, b: 100,
		},
		{
			name: "aliases of different tensors", metadata: map[string]string{"b.weight": "x.weight", "a.weight": "y.weight", "b.bias": "a.bias"},
			stored: []safetensors.Source{weightOf("y", 0), biasOf("a", 0), weightOf("x", 1)}, model: tiedLayers(),
			want: &MismatchError{Conflicts: []Conflict{{"a.weight", "b.weight"}}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := fileFrom(t, c.metadata, c.stored...)
			if c.want != nil {
				var e *MismatchError
				err := refused(t, f, c.model.model(), nil)
				require.ErrorAs(t, err, &e)
				require.Equal(t, c.want, e)
				return
			}
			mustLoad(t, f, c.model.model(), nil)
			require.Equal(t, count(c.a, 12), c.model.aWeight.Data())
			require.Equal(t, count(c.b, 12), c.model.bWeight.Data())
		})
	}
}

// A conflict names both tensors in words.
func TestConflictNamesBoth(t *testing.T) {
	f := fileFrom(t, nil, weightOf("a", 0), biasOf("a", 0), weightOf("b", 1), biasOf("b", 0))
	err := refused(t, f, tiedLayers().model(), nil)
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorContains(t, err, `1 conflict: "a.weight" and "b.weight" share memory in the model and differ in the file`)
}

// A tied model goes to an untied one and back by files alone.
func TestTiedToUntiedAndBack(t *testing.T) {
	tied, untied := tiedLayers(), untiedLayers()
	copy(tied.aWeight.Data().([]float32), count(7, 12))
	mustLoad(t, openPath(t, saved(t, tied.model(), nil)), untied.model(), nil)
	require.Equal(t, count(7, 12), untied.aWeight.Data())
	require.Equal(t, count(7, 12), untied.bWeight.Data())

	path := saved(t, untied.model(), nil)
	require.Equal(t, 4, openPath(t, path).Len())
	again := tiedLayers()
	mustLoad(t, openPath(t, path), again.model(), nil)
	require.Equal(t, count(7, 12), again.aWeight.Data())
}

// A node without a value may have several names too. It gets one value, and only if
// the file says one thing about it.
func TestTiedNodeWithoutValue(t *testing.T) {
	unbound := func() (*gorgonia.Node, Model) {
		n := gorgonia.NewMatrix(gorgonia.NewGraph(), gorgonia.Float32, gorgonia.WithShape(3, 4), gorgonia.WithName("w"))
		return n, FromMap(map[string]*gorgonia.Node{"a.weight": n, "b.weight": n})
	}
	for name, stored := range map[string][]safetensors.Source{
		"a":     {weightOf("a", 0)},
		"b":     {weightOf("b", 0)},
		"equal": {weightOf("a", 0), weightOf("b", 0)},
	} {
		n, m := unbound()
		report := mustLoad(t, fileFrom(t, nil, stored...), m, nil)
		require.Equal(t, count(100, 12), n.Value().Data(), name)
		require.Equal(t, []string{"a.weight", "b.weight"}, report.Loaded)
	}
	n, m := unbound()
	err := refused(t, fileFrom(t, nil, weightOf("a", 0), weightOf("b", 1)), m, nil)
	var e *MismatchError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []Conflict{{"a.weight", "b.weight"}}, e.Conflicts)
	require.Nil(t, n.Value())
}
