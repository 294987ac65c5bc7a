package solver

// These tests prove that a solver of another version is refused, and that the table has
// every field of this one.

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
	"gorgonia.org/gorgonia"
)

func TestEveryFieldIsInTheTable(t *testing.T) {
	require.Len(t, kinds, 7)
	for _, k := range kinds {
		require.NoError(t, k.check(k.typ), k.name)
		require.Len(t, k.fields, k.typ.NumField(), k.name)
		for _, f := range k.fields {
			if f.when != "" {
				require.Equal(t, "bool", typeOf(k.fields, f.when), "%s.%s", k.name, f.when)
			}
		}
		if k.memory != "" {
			require.NotEmpty(t, typeOf(k.fields, k.memory), k.name)
			require.LessOrEqual(t, len(k.slots), len(k.entry), k.name)
		}
	}
}

func typeOf(fields []field, name string) string {
	for _, f := range fields {
		if f.name == name {
			return f.typ
		}
	}
	return ""
}

// Only this test notices a version of Gorgonia with the same fields and other arithmetic.
func TestKnownVersionIsTheOneInUse(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	require.NoError(t, err)
	require.Contains(t, string(mod), "\tgorgonia.org/gorgonia "+knownVersion+"\n")
}

// Twins of Gorgonia's Momentum in versions that do not exist.
type (
	sameFields struct {
		eta      float64
		useClip  bool
		notCache []int
	}
	renamedField struct {
		eta      float64
		clipping bool
		notCache []int
	}
	retypedField struct {
		eta      float32
		useClip  bool
		notCache []int
	}
	swappedFields struct {
		useClip  bool
		eta      float64
		notCache []int
	}
	oneMore struct {
		eta      float64
		useClip  bool
		notCache []int
		nesterov bool
	}
	oneLess struct {
		eta     float64
		useClip bool
	}
)

func TestOtherLayoutsAreRefused(t *testing.T) {
	want := []field{plain("eta", "float64"), plain("useClip", "bool"), plain("notCache", "[]int")}
	check := func(t reflect.Type) error { return checkFields("gorgonia.Momentum", "", t, want) }
	require.NoError(t, check(reflect.TypeFor[sameFields]()))
	for _, c := range []struct {
		typ reflect.Type
		err LayoutError
	}{
		{reflect.TypeFor[renamedField](), LayoutError{Field: "useClip", Got: "bool named clipping", Want: "bool"}},
		{reflect.TypeFor[retypedField](), LayoutError{Field: "eta", Got: "float32", Want: "float64"}},
		{reflect.TypeFor[swappedFields](), LayoutError{Field: "eta", Got: "bool named useClip", Want: "float64"}},
		{reflect.TypeFor[oneMore](), LayoutError{Field: "nesterov", Got: "bool"}},
		{reflect.TypeFor[oneLess](), LayoutError{Field: "notCache", Want: "[]int"}},
	} {
		c.err.Solver = "gorgonia.Momentum"
		var got *LayoutError
		require.ErrorAs(t, check(c.typ), &got, "%v", c.typ)
		require.Equal(t, c.err, *got)
		require.ErrorContains(t, got, "v0.9.18")
		require.ErrorContains(t, got, "field "+c.err.Field+" is ")
	}
}

func TestOtherLayoutOfWhatIsKeptForAParameterIsRefused(t *testing.T) {
	type dualValue struct {
		gorgonia.Value
		grad gorgonia.Value
	}
	type momentum struct{ cache []*dualValue }
	k := kind{
		fields: []field{plain("cache", "[]*solver.dualValue")},
		memory: "cache",
		entry:  []field{plain("Value", value), plain("d", value)},
	}
	twin := momentum{cache: []*dualValue{{}}}
	var got *LayoutError
	require.ErrorAs(t, k.check(reflect.TypeOf(twin)), &got)
	require.Equal(t, LayoutError{Solver: "solver.momentum", Field: "cache[].d", Got: value + " named grad", Want: value}, *got)
}

// A stranger is a solver of the user's own.
type stranger struct{ gorgonia.VanillaSolver }

func TestStrangersAreUnknown(t *testing.T) {
	for _, s := range []gorgonia.Solver{nil, &stranger{}, (*stranger)(nil), (*gorgonia.AdamSolver)(nil), (*gorgonia.AdamW)(nil)} {
		_, err := Read(s, nil)
		require.ErrorIs(t, err, ErrUnknown, "%T", s)
		write, err := Prepare(s, nil, &State{Kind: "adam"})
		require.ErrorIs(t, err, ErrUnknown, "%T", s)
		require.Nil(t, write)
	}
	_, err := Read(&stranger{}, nil)
	require.EqualError(t, err, "not one of Gorgonia's own solvers: a *solver.stranger")
}
