package checkpoint

// These tests are about what a load reports: every difference between file and
// model at once, or what was done.

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// differing is a model and a file that differ in every way.
func differing(t testing.TB) (Model, *safetensors.File) {
	m := FromValues(map[string]gorgonia.Value{
		"fine":           counting(2),
		"turned":         counting(2, 3),
		"reshaped":       counting(6),
		"wide":           counting(2),
		"counted":        counting(2),
		"both wrong":     counting(2),
		"encoder.weight": counting(2),
		"pooler.bais":    counting(2),
		"gone":           counting(2),
	})
	return m, fileFrom(t, nil,
		floatsIn("fine", []int{2}, 7, 8),
		floatsIn("turned", []int{3, 2}, count(0, 6)...),
		floatsIn("reshaped", []int{1, 6}, count(0, 6)...),
		numbersIn("wide", safetensors.F64, []int{2}, []float64{1, 2}),
		numbersIn("counted", safetensors.I32, []int{2}, []int32{1, 2}),
		numbersIn("both wrong", safetensors.BF16, []int{3}, []uint16{1, 2, 3}),
		floatsIn("bert.encoder.weight", []int{2}, 1, 2),
		floatsIn("pooler.bias", []int{2}, 1, 2),
		numbersIn("extra", safetensors.U8, []int{2}, []uint8{1, 2}), // behind the floats, whatever its name
		numbersIn("zero", safetensors.F64, []int{0}, []float64{}))   // before them
}

func TestStrictLoadListsEveryDifference(t *testing.T) {
	m, f := differing(t)
	var e *MismatchError
	err := refused(t, f, m, nil)
	require.ErrorIs(t, err, ErrMismatch)
	require.ErrorAs(t, err, &e)
	require.Equal(t, &MismatchError{
		Missing: []Missing{
			{"encoder.weight", "encoder.weight", "bert.encoder.weight"},
			{"gone", "gone", ""},
			{"pooler.bais", "pooler.bais", "pooler.bias"},
		},
		Unexpected: []string{"bert.encoder.weight", "extra", "pooler.bias", "zero"},
		Shapes: []ShapeMismatch{
			{"both wrong", "both wrong", []int{3}, []int{2}, ""},
			{"reshaped", "reshaped", []int{1, 6}, []int{6}, ""},
			{"turned", "turned", []int{3, 2}, []int{2, 3}, ""},
		},
		DTypes: []DTypeMismatch{
			{"both wrong", "both wrong", safetensors.BF16, safetensors.F32, true},
			{"counted", "counted", safetensors.I32, safetensors.F32, false},
			{"wide", "wide", safetensors.F64, safetensors.F32, true},
		},
	}, e)
	require.EqualError(t, err, `checkpoint: file and model differ: `+
		`3 missing tensors: "encoder.weight", did you mean "bert.encoder.weight"?; "gone"; "pooler.bais", did you mean "pooler.bias"? | `+
		`4 unexpected tensors: "bert.encoder.weight"; "extra"; "pooler.bias"; "zero" | `+
		`3 wrong shapes: "both wrong" is [3] in the file, want [2]; "reshaped" is [1 6] in the file, want [6]; `+
		`"turned" is [3 2] in the file, want [2 3] (transposed: Stored.Permute) | `+
		`3 wrong dtypes: "both wrong" is BF16 in the file, want F32 (LoadOptions.Cast); "counted" is I32 in the file, want F32; `+
		`"wide" is F64 in the file, want F32 (LoadOptions.Cast)`)
}

// Each option lets one kind of difference pass, and leaves what it concerns alone.
func TestOptionsLetDifferencesPass(t *testing.T) {
	m, f := differing(t)
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, m, &LoadOptions{AllowMissing: true}), &e)
	require.Empty(t, e.Missing)
	require.Len(t, e.Unexpected, 4)
	require.Len(t, e.Shapes, 3)
	require.ErrorAs(t, refused(t, f, m, &LoadOptions{AllowUnexpected: true}), &e)
	require.Empty(t, e.Unexpected)
	require.Equal(t, "bert.encoder.weight", e.Missing[0].Near, "what is allowed may still be meant")
	require.ErrorAs(t, refused(t, f, m, &LoadOptions{KeepOnShapeMismatch: true}), &e)
	require.Empty(t, e.Shapes)
	require.Len(t, e.DTypes, 2, "what is kept is not loaded, so its dtype is nothing")

	all := &LoadOptions{AllowMissing: true, AllowUnexpected: true, KeepOnShapeMismatch: true, Cast: CastExact, Only: func(p string) bool { return p != "counted" }}
	before := liveBytes(m)
	report := mustLoad(t, f, m, all)
	require.Equal(t, &Report{
		Loaded:     []string{"fine", "wide"},
		Missing:    []string{"encoder.weight", "gone", "pooler.bais"},
		Kept:       []string{"both wrong", "reshaped", "turned"},
		Unexpected: []string{"bert.encoder.weight", "extra", "pooler.bias", "zero"},
		Casts:      []CastReport{{Name: "wide", From: safetensors.F64, To: safetensors.F32, Elements: 2}},
		Aliased:    map[string]string{},
		Bytes:      16,
	}, report)
	require.Equal(t, "loaded 2 parameters, 16 B, 1 converted, 3 missing, 3 kept for their shape, 4 unexpected", report.String())
	after := liveBytes(m)
	for name := range before {
		require.Equal(t, slices.Contains(report.Loaded, name), before[name] != after[name], name)
	}
}

// What Only leaves out may be in the file, in any shape, without being unexpected.
func TestOnlyIsNotUnexpected(t *testing.T) {
	m := map[string]gorgonia.Value{"a.w": counting(2), "a.b": counting(2), "c": counting(2)}
	f := fileFrom(t, nil, floatsIn("a.w", []int{2}, 5, 6), floatsIn("a.b", []int{2}, 7, 8), numbersIn("c", safetensors.I64, []int{9}, make([]int64, 9)))
	report := mustLoad(t, f, FromValues(m), &LoadOptions{Only: inA})
	require.Equal(t, []string{"a.b", "a.w"}, report.Loaded)
	require.Equal(t, []float32{0, 1}, m["c"].Data())
	require.Equal(t, []float32{5, 6}, m["a.w"].Data())

	// Nor may it be missing, or wanting in the file under its stored name.
	f = fileFrom(t, nil, floatsIn("a.w", []int{2}, 1, 2), floatsIn("a.b", []int{2}, 3, 4), floatsIn("see", []int{1}, 0))
	mustLoad(t, f, FromValues(m), &LoadOptions{Only: inA, Stored: func(p string) Stored { return Stored{Name: map[string]string{"c": "see"}[p]} }})
	require.ErrorContains(t, refused(t, f, FromValues(m), &LoadOptions{Only: inA}), `1 unexpected tensor: "see"`)
}

// The empty string is a name that a file may have, and no alias of anything.
func TestTensorWithoutNameIsUnexpected(t *testing.T) {
	f := fileFrom(t, nil, floatsIn("x", []int{1}, 1), floatsIn("", []int{1}, 1))
	require.ErrorContains(t, refused(t, f, one(counting(1)), nil), `1 unexpected tensor: ""`)
}

// M20: two hundred differences are two hundred lines in the error, and ten in its text.
func TestManyMismatches(t *testing.T) {
	m := map[string]*tensor.Dense{}
	var stored []safetensors.Source
	for i := range 200 {
		name := fmt.Sprintf("p%03d", 199-i)
		m[name] = counting(2)
		stored = append(stored, floatsIn(name, []int{3}, 0, 0, 0))
	}
	var e *MismatchError
	err := refused(t, fileFrom(t, nil, stored...), FromValues(m), nil)
	require.ErrorAs(t, err, &e)
	require.Len(t, e.Shapes, 200)
	require.True(t, slices.IsSortedFunc(e.Shapes, func(a, b ShapeMismatch) int { return strings.Compare(a.Param, b.Param) }))
	require.ErrorContains(t, err, "200 wrong shapes: ")
	require.ErrorContains(t, err, "; and 190 more")
	require.Less(t, len(err.Error()), 1000)
}

// Lists are sorted by the model's names, ties or not, and whatever the file's names.
func TestReportIsSorted(t *testing.T) {
	shared, kept := counting(2), counting(2)
	none := counting(2)
	m := FromValues(map[string]gorgonia.Value{
		"a": shared, "z": shared, "m": counting(2),
		"b": kept, "y": kept, "n": counting(2),
		"c": none, "x": none, "o": counting(2),
		"d": counting(1), "e": counting(1),
	})
	f := fileFrom(t, nil,
		floatsIn("z", []int{2}, 1, 2), floatsIn("m", []int{2}, 1, 2),
		floatsIn("b", []int{3}, 1, 2, 3), floatsIn("n", []int{3}, 1, 2, 3),
		numbersIn("E", safetensors.F16, []int{1}, []uint16{0}), numbersIn("D", safetensors.F16, []int{1}, []uint16{0}))
	report := mustLoad(t, f, m, &LoadOptions{
		AllowMissing: true, KeepOnShapeMismatch: true, Cast: CastExact,
		Stored: func(p string) Stored { return Stored{Name: map[string]string{"d": "E", "e": "D"}[p]} },
	})
	require.Equal(t, []string{"a", "d", "e", "m", "z"}, report.Loaded)
	require.Equal(t, []string{"b", "n", "y"}, report.Kept, "every name of a tie is kept")
	require.Equal(t, []string{"c", "o", "x"}, report.Missing)
	require.Equal(t, "d", report.Casts[0].Name)
	require.Equal(t, map[string]string{"a": "z"}, report.Aliased)
	require.Contains(t, report.String(), "1 by another name")
}

// Of a tie that the file has twice, in one right shape and one wrong one, nothing is
// loaded.
func TestKeepOnShapeMismatchOfATie(t *testing.T) {
	shared := counting(2)
	m := FromValues(map[string]*tensor.Dense{"a": shared, "b": shared})
	f := fileFrom(t, nil, floatsIn("a", []int{2}, 5, 6), floatsIn("b", []int{3}, 7, 8, 9))
	report := mustLoad(t, f, m, &LoadOptions{KeepOnShapeMismatch: true})
	require.Equal(t, []string{"a", "b"}, report.Kept)
	require.Empty(t, report.Loaded)
	require.Equal(t, []float32{0, 1}, shared.Data())
}

// Strict means: the file's names are exactly the model's.
func TestStrictLoadIsAnEqualityOfNames(t *testing.T) {
	names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab.]{1,3}`), 1, 6, rapid.ID[string])
	rapid.Check(t, func(rt *rapid.T) {
		inModel, inFile := names.Draw(rt, "model"), names.Draw(rt, "file")
		m := map[string]*tensor.Dense{}
		for _, name := range inModel {
			m[name] = counting(1)
		}
		var stored []safetensors.Source
		for _, name := range inFile {
			stored = append(stored, floatsIn(name, []int{1}, 9))
		}
		slices.Sort(inModel)
		slices.Sort(inFile)
		without := func(a, b []string) []string {
			return slices.DeleteFunc(slices.Clone(a), func(name string) bool { return slices.Contains(b, name) })
		}
		missing, unexpected := without(inModel, inFile), without(inFile, inModel)
		f := fileFrom(t, nil, stored...)
		if len(missing)+len(unexpected) == 0 {
			require.Equal(rt, inModel, mustLoad(t, f, FromValues(m), nil).Loaded)
			return
		}
		var e *MismatchError
		require.ErrorAs(rt, refused(t, f, FromValues(m), nil), &e)
		got := []string{}
		for _, x := range e.Missing {
			got = append(got, x.Param)
		}
		require.Equal(rt, missing, got)
		require.Equal(rt, unexpected, append([]string{}, e.Unexpected...))

		report := mustLoad(t, f, FromValues(m), &LoadOptions{AllowMissing: true, AllowUnexpected: true})
		require.Equal(rt, without(inModel, missing), append([]string{}, report.Loaded...))
	})
}

// A dim that int cannot hold is a dim that no model has.
func TestDimsBeyondInt(t *testing.T) {
	header := `{"x":{"dtype":"F32","shape":[0,18446744073709551615],"data_offsets":[0,0]}}`
	for len(header)%8 != 0 {
		header += " "
	}
	file := append([]byte{byte(len(header)), 0, 0, 0, 0, 0, 0, 0}, header...)
	f, err := safetensors.OpenBytes(file, nil)
	require.NoError(t, err)
	var e *MismatchError
	require.ErrorAs(t, refused(t, f, one(counting(0, 3)), nil), &e)
	require.Equal(t, []int{0, math.MaxInt}, e.Shapes[0].Got)
}

func TestLoadOfBadFiles(t *testing.T) {
	m := FromValues(threeParams())
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.safetensors")
	_, err := LoadModel(t.Context(), missing, m, nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "checkpoint: load")
	require.ErrorContains(t, err, missing)

	broken := filepath.Join(dir, "broken.safetensors")
	require.NoError(t, os.WriteFile(broken, []byte("not a file of tensors"), 0o666))
	_, err = LoadModel(t.Context(), broken, m, nil)
	var e *safetensors.FormatError
	require.ErrorAs(t, err, &e)
	require.Equal(t, 1, strings.Count(err.Error(), "checkpoint:"))

	// A model that makes no sense is found out first, whatever the file.
	_, err = LoadModel(t.Context(), missing, FromNodes(), nil)
	require.ErrorIs(t, err, ErrModel)
	require.Equal(t, 1, strings.Count(err.Error(), "checkpoint:"), err.Error())
}

func TestLoadReportsProgress(t *testing.T) {
	m := map[string]gorgonia.Value{
		"big":   tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(9<<20)),
		"cast":  tensor.New(tensor.Of(tensor.Float64), tensor.WithShape(1000)),
		"small": counting(3),
		"none":  counting(0),
	}
	path := saved(t, FromValues(m), &SaveOptions{NoSync: true, DType: func(p string) safetensors.DType {
		if p == "cast" {
			return safetensors.F16
		}
		return 0
	}})
	var seen []int64
	report, err := LoadModel(t.Context(), path, FromValues(m), &LoadOptions{Cast: CastExact, Progress: func(done, total int64) {
		require.Equal(t, int64(36<<20+8000+12), total)
		seen = append(seen, done) // under -race: from one goroutine at a time
	}})
	require.NoError(t, err)
	require.True(t, slices.IsSorted(seen))
	require.Greater(t, len(seen), 3)
	require.Equal(t, report.Bytes, seen[len(seen)-1])
}
