package checkpoint

// These tests are about ties, tensors of a model with several names: what is one, how
// it is stored, and what options do to it.

import (
	"encoding/json"
	"os"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A twoLayers has the names a.weight, a.bias, b.weight and b.bias, for four tensors
// or, where b = a, for two. It is the model of testdata/interop/tied.py.
type twoLayers struct{ aWeight, aBias, bWeight, bBias *tensor.Dense }

func tiedLayers() twoLayers {
	w, b := counting(3, 4), counting(3)
	return twoLayers{w, b, w, b}
}

func untiedLayers() twoLayers {
	return twoLayers{counting(3, 4), counting(3), counting(3, 4), counting(3)}
}

func (l twoLayers) model() Model {
	return FromValues(map[string]*tensor.Dense{
		"a.weight": l.aWeight, "a.bias": l.aBias, "b.weight": l.bWeight, "b.bias": l.bBias,
	})
}

// bAliases is what the reference writes for the tied model.
var bAliases = map[string]string{"b.weight": "a.weight", "b.bias": "a.bias"}

// weightOf and biasOf are stored tensors of 100, 101, ... plus from.
func weightOf(name string, from float32) safetensors.Source {
	return floatsIn(name+".weight", []int{3, 4}, count(100+from, 12)...)
}

func biasOf(name string, from float32) safetensors.Source {
	return floatsIn(name+".bias", []int{3}, count(100+from, 3)...)
}

// Every way to tie is found, and stored once under the first name.
func TestTiesAreStoredOnce(t *testing.T) {
	g := gorgonia.NewGraph()
	node := func(name string, v any) *gorgonia.Node {
		return gorgonia.NewMatrix(g, gorgonia.Float32, gorgonia.WithShape(2, 3), gorgonia.WithName(name), gorgonia.WithValue(v))
	}
	backing := count(0, 6)
	shared, again := counting(2, 3), tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(backing))
	one := node("one", counting(2, 3))
	number := gorgonia.NewF32(1)
	for name, m := range map[string]Model{
		"one node":           FromMap(map[string]*gorgonia.Node{"a": one, "b": one, "c": one}),
		"two nodes":          FromMap(map[string]*gorgonia.Node{"b": node("x", shared), "c": node("y", shared), "a": node("z", shared)}),
		"two tensors":        FromValues(map[string]*tensor.Dense{"c": again, "a": tensor.New(tensor.WithShape(2, 3), tensor.WithBacking(backing)), "b": again}),
		"one Go number":      FromValues(map[string]*gorgonia.F32{"a": number, "b": number, "c": number}),
		"listed twice":       Group(map[string]Model{"": FromNodes(one, one), "x": FromNodes(one)}),
		"a shallow clone":    FromValues(map[string]*tensor.Dense{"a": shared, "b": shared.ShallowClone(), "c": shared}),
		"groups of one name": Group(map[string]Model{"a": FromMap(map[string]*gorgonia.Node{"w": one}), "b": FromMap(map[string]*gorgonia.Node{"w": one}), "c": FromMap(map[string]*gorgonia.Node{"w": one})}),
	} {
		t.Run(name, func(t *testing.T) {
			f := openPath(t, saved(t, m, nil))
			require.Equal(t, 1, f.Len())
			first := f.Names()[0]
			want := map[string]string{"format": "pt"}
			for other := range m.StateDict() {
				require.LessOrEqual(t, first, other)
				if other != first {
					want[other] = first
				}
			}
			require.Equal(t, want, f.Metadata())
		})
	}
}

// What is not the same address, dtype, shape and strides is no tie.
func TestWhatIsNoTie(t *testing.T) {
	backing := count(0, 6)
	over := func(shape ...int) *tensor.Dense {
		return tensor.New(tensor.WithShape(shape...), tensor.WithBacking(backing))
	}
	turned := over(3, 2)
	require.NoError(t, turned.T())
	bits := unsafe.Slice((*int32)(unsafe.Pointer(&backing[0])), len(backing))
	empty := counting(0, 3)
	for name, m := range map[string]map[string]*tensor.Dense{
		"equal numbers":  {"a": counting(2, 3), "b": counting(2, 3)},
		"another shape":  {"a": over(2, 3), "b": over(3, 2)},
		"another dtype":  {"a": over(6), "b": tensor.New(tensor.WithShape(6), tensor.WithBacking(bits))},
		"other strides":  {"a": over(2, 3), "b": turned},
		"a part":         {"a": over(6), "b": tensor.New(tensor.WithShape(3), tensor.WithBacking(backing[:3]))},
		"empty":          {"a": counting(0, 3), "b": counting(0, 3)},
		"the same empty": {"a": empty, "b": empty},
	} {
		f := openPath(t, saved(t, FromValues(m), nil))
		require.Equal(t, 2, f.Len(), name)
		require.Nil(t, f.Metadata(), name)
		mustLoad(t, f, FromValues(m), nil)

		only := openPath(t, saved(t, FromValues(m), &SaveOptions{Only: func(p string) bool { return p == "a" }}))
		var e *MismatchError
		require.ErrorAs(t, refused(t, only, FromValues(m), nil), &e, name)
		require.Equal(t, []Missing{{Param: "b", Stored: "b"}}, e.Missing, name)
	}
}

// Our file of the article's model holds what the reference's holds, in its order:
// the only difference is "format".
func TestTiedFileIsTheReferences(t *testing.T) {
	l := twoLayers{aWeight: tensor.New(tensor.WithShape(3, 4), tensor.WithBacking(make([]float32, 12))), aBias: countingFrom(100, 3)}
	for i := range l.aWeight.Data().([]float32) {
		l.aWeight.Data().([]float32)[i] = 0.5 * float32(i)
	}
	l.bWeight, l.bBias = l.aWeight, l.aBias
	ours := openPath(t, saved(t, l.model(), nil))
	theirs := openPath(t, "../testdata/safetensors-py-tied.safetensors")
	require.Equal(t, theirs.Names(), ours.Names())
	for _, name := range theirs.Names() {
		require.Equal(t, storedBytes(t, theirs, name), storedBytes(t, ours, name))
	}
	want := theirs.Metadata()
	want["format"] = "pt"
	require.Equal(t, want, ours.Metadata())
	require.Equal(t, theirs.Aliases(), ours.Aliases())
}

// Of a tie, Only may select one name. Then the file's tensor of that name counts,
// whatever it has under the other.
func TestOnlyOneNameOfATie(t *testing.T) {
	only := func(name string) *LoadOptions {
		return &LoadOptions{Only: func(param string) bool { return param == name }}
	}
	both := fileFrom(t, nil, weightOf("a", 0), weightOf("b", 50), biasOf("a", 0))
	for name, want := range map[string]float32{"a.weight": 100, "b.weight": 150} {
		l := tiedLayers()
		report := mustLoad(t, both, l.model(), only(name))
		require.Equal(t, []string{name}, report.Loaded)
		require.Equal(t, count(want, 12), l.aWeight.Data())
	}
	// The other name serves where the file has no more than that.
	l := tiedLayers()
	report := mustLoad(t, fileFrom(t, nil, weightOf("a", 0)), l.model(), only("b.weight"))
	require.Equal(t, map[string]string{"b.weight": "a.weight"}, report.Aliased)
	require.Equal(t, count(100, 12), l.bWeight.Data())

	// What the left-out half of a tie is stored as is not unexpected.
	u := untiedLayers()
	aliased := fileFrom(t, map[string]string{"a.weight": "x"}, floatsIn("x", []int{3, 4}, count(0, 12)...), biasOf("a", 0))
	mustLoad(t, aliased, u.model(), only("a.bias"))
}

// Both names of a tie may be stored under one name: saved once, without an alias.
func TestTieUnderOneStoredName(t *testing.T) {
	stored := func(param string) Stored {
		return Stored{Name: map[string]string{"a.weight": "w", "b.weight": "w"}[param]}
	}
	l := tiedLayers()
	path := saved(t, l.model(), &SaveOptions{Stored: stored})
	f := openPath(t, path)
	require.Equal(t, []string{"a.bias", "w"}, f.Names())
	require.Equal(t, map[string]string{"b.bias": "a.bias", "format": "pt"}, f.Metadata())
	for _, to := range []twoLayers{tiedLayers(), untiedLayers()} {
		clear(to.aWeight.Data().([]float32))
		clear(to.bWeight.Data().([]float32))
		mustLoad(t, f, to.model(), &LoadOptions{Stored: stored})
		require.Equal(t, count(0, 12), to.aWeight.Data())
		require.Equal(t, count(0, 12), to.bWeight.Data())
	}
	err := SaveModel(t.Context(), path, untiedLayers().model(), &SaveOptions{Stored: stored})
	require.ErrorIs(t, err, ErrModel)
	require.ErrorContains(t, err, `"b.weight": stored as "w", and so is "a.weight"`)
}

// Names of a tie that lie in the file in two ways are two tensors there.
func TestTieStoredInTwoWays(t *testing.T) {
	for name, rule := range map[string]Stored{"turned": {Permute: []int{1, 0}}, "another shape": {Shape: []int{-1}}} {
		stored := func(param string) Stored { return map[string]Stored{"b": rule}[param] }
		shared := counting(2, 2)
		m := FromValues(map[string]*tensor.Dense{"a": shared, "b": shared})
		f := openPath(t, saved(t, m, &SaveOptions{Stored: stored}))
		require.Equal(t, []string{"a", "b"}, f.Names(), name)
		clear(shared.Data().([]float32))
		mustLoad(t, f, m, &LoadOptions{Stored: stored})
		require.Equal(t, count(0, 4), shared.Data())
	}
	l := tiedLayers()
	f := openPath(t, saved(t, l.model(), &SaveOptions{DType: func(p string) safetensors.DType {
		return map[string]safetensors.DType{"b.weight": safetensors.BF16}[p]
	}}))
	require.Equal(t, []string{"a.bias", "a.weight", "b.weight"}, f.Names(), "another dtype")
	mustLoad(t, f, l.model(), &LoadOptions{Cast: CastExact})
}

// "format" has a meaning of its own, and is no alias.
func TestTieCalledFormat(t *testing.T) {
	shared := counting(2)
	m := FromValues(map[string]*tensor.Dense{"a": shared, "format": shared, "z": shared})
	f := openPath(t, saved(t, m, nil))
	require.Equal(t, []string{"a"}, f.Names())
	require.Equal(t, map[string]string{"format": "pt", "z": "a"}, f.Metadata())
	mustLoad(t, f, m, nil)
}

// Names of a tie that are one tensor in the file, taken in two ways, must come to the
// same.
func TestTieFromOneTensorInTwoWays(t *testing.T) {
	for name, c := range map[string]struct {
		a, b Stored
		want error
	}{
		"turned":        {Stored{}, Stored{Permute: []int{1, 0}}, ErrMismatch},
		"another shape": {Stored{}, Stored{Shape: []int{4}}, ErrMismatch},
		"another slice": {Stored{Slice: []safetensors.Index{safetensors.Range(0, 2)}}, Stored{Slice: []safetensors.Index{safetensors.Range(1, 3)}}, ErrMismatch},
		"the same":      {Stored{Permute: []int{1, 0}}, Stored{Permute: []int{1, 0}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			shared := counting(2, 2)
			m := FromValues(map[string]*tensor.Dense{"a": shared, "b": shared})
			rows := 2
			if c.a.Slice != nil {
				rows = 3
			}
			f := fileFrom(t, nil, floatsIn("w", []int{rows, 2}, count(5, 2*rows)...))
			o := &LoadOptions{Stored: func(p string) Stored {
				s := map[string]Stored{"a": c.a, "b": c.b}[p]
				s.Name = "w"
				return s
			}}
			if c.want != nil {
				require.ErrorIs(t, refused(t, f, m, o), c.want)
				return
			}
			mustLoad(t, f, m, o)
			require.Equal(t, []float32{5, 7, 6, 8}, shared.Data())
		})
	}
}

// What the caller says in the metadata stays, as in the reference.
func TestMetadataOfTheCallerBeatsAliases(t *testing.T) {
	mine := map[string]string{"b.weight": "mine", "author": "Graiae"}
	f := openPath(t, saved(t, tiedLayers().model(), &SaveOptions{Metadata: mine}))
	require.Equal(t, map[string]string{"b.weight": "mine", "b.bias": "a.bias", "author": "Graiae", "format": "pt"}, f.Metadata())
	require.Len(t, mine, 2, "the caller's map is the caller's")
}

// The table of names that save_model gives for a file of the reference must be that
// of golden.json, made by Python.
func TestAliasesOfGoldenFile(t *testing.T) {
	b, err := os.ReadFile("../testdata/golden.json")
	require.NoError(t, err)
	var golden map[string]struct{ Metadata map[string]string }
	require.NoError(t, json.Unmarshal(b, &golden))
	require.Equal(t, golden["safetensors-py-tied.safetensors"].Metadata, bAliases)
}
