package provenance

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func before() Provenance {
	return Provenance{
		Program: "example.com/mnist", Go: "go1.26.0", OS: "linux", Arch: "amd64", Build: map[string]string{"GOAMD64": "v1"}, BuildID: "a",
		Code: Code{Revision: "3f2a000000000000000000"}, Main: "example.com/mnist",
		Modules: map[string]string{
			"example.com/mnist": "v0.0.0-3f2a", "gorgonia.org/gorgonia": "v0.9.17", "gonum.org/v1/gonum": "v0.17.0",
			"github.com/spf13/cobra": "v1.0.0", "github.com/gone/gone": "v1.0.0",
		},
		Args: []string{"-lr", "1e-3", "-epochs=3"}, Host: "a", CPU: "Xeon", Features: []string{"AVX", "AVX2"}, Threads: 8, BLAS: "gonum",
	}
}

func TestDiffListsAllThatDiffers(t *testing.T) {
	was, is := before(), before()
	require.Nil(t, Diff(was, is))
	is.Code = Code{Revision: "91bc000000000000000000", Modified: true}
	is.Go, is.Arch, is.Host, is.CPU, is.Threads, is.BLAS = "go1.26.1", "arm64", "b", "Graviton", 4, "openblas 0.3.21"
	is.Features = []string{"ASIMD"}
	is.Build = map[string]string{"GOARM64": "v8.0"}
	is.BuildID = "b"
	is.Modules = map[string]string{
		"example.com/mnist": "v0.0.0-91bc", "gorgonia.org/gorgonia": "v0.9.18", "gonum.org/v1/gonum": "v0.17.0",
		"github.com/spf13/cobra": "v1.0.1", "gorgonia.org/cu": "v0.9.4",
	}
	is.Args = []string{"--lr=3e-4", "-epochs", "3", "-v", "train"}
	require.Equal(t, []Change{
		{"BLAS", "gonum", "openblas 0.3.21", true},
		{"CPU", "Xeon", "Graviton", true},
		{"CPU features", "AVX AVX2", "ASIMD", true},
		{"Go", "go1.26.0", "go1.26.1", true},
		{"build GOAMD64", "v1", "", true},
		{"build GOARM64", "", "v8.0", true},
		{"code revision", "3f2a00000000", "91bc00000000 (modified)", true},
		{"flag -lr", "1e-3", "3e-4", true},
		{"flag -v", "", "train", true},
		{"github.com/gone/gone", "v1.0.0", "", false},
		{"github.com/spf13/cobra", "v1.0.0", "v1.0.1", false},
		{"gorgonia.org/cu", "", "v0.9.4", true},
		{"gorgonia.org/gorgonia", "v0.9.17", "v0.9.18", true},
		{"host", "a", "b", false},
		{"system", "linux/amd64", "linux/arm64", true},
		{"threads", "8", "4", true},
	}, Diff(was, is))
	require.Len(t, Diff(is, was), len(Diff(was, is)))
}

// A revision with changes on top says nothing of what the changes were.
func TestBuildTellsWhatTheRevisionDoesNot(t *testing.T) {
	for _, c := range []struct {
		was, is     Code
		idWas, idIs string
		want        []string
	}{
		{Code{Revision: "3f"}, Code{Revision: "3f"}, "a", "b", nil}, // flags of the build are compared on their own
		{Code{Revision: "3f", Modified: true}, Code{Revision: "3f", Modified: true}, "a", "a", nil},
		{Code{Revision: "3f", Modified: true}, Code{Revision: "3f", Modified: true}, "a", "b", []string{"program's build"}},
		{Code{Revision: "3f", Modified: true}, Code{Revision: "3f", Modified: true}, "a", "", nil},
		{Code{}, Code{}, "a", "b", []string{"program's build"}},
		{Code{}, Code{Revision: "3f"}, "a", "b", []string{"code revision"}},
		{Code{Revision: "3f"}, Code{Revision: "3f", Modified: true}, "a", "b", []string{"code revision"}},
	} {
		var got []string
		for _, change := range Diff(Provenance{Code: c.was, BuildID: c.idWas}, Provenance{Code: c.is, BuildID: c.idIs}) {
			got = append(got, change.What)
		}
		require.Equal(t, c.want, got, "%+v", c)
	}
}

func TestVersionOfTheMainModuleCountsWithoutRevision(t *testing.T) {
	was, is := before(), before()
	is.Modules = maps.Clone(was.Modules)
	is.Modules["example.com/mnist"] = "v2.0.0"
	require.Nil(t, Diff(was, is), "the same revision, called by another name")
	was.Code, is.Code = Code{}, Code{}
	require.Equal(t, []Change{{"example.com/mnist", "v0.0.0-3f2a", "v2.0.0", true}}, Diff(was, is))
	require.Contains(t, is.Modules, "example.com/mnist", "comparing changes nothing")
}

func TestChangesAsText(t *testing.T) {
	for want, c := range map[string]Change{
		"gorgonia.org/gorgonia v0.9.17 -> v0.9.18": {What: "gorgonia.org/gorgonia", Was: "v0.9.17", Is: "v0.9.18"},
		"lr 1e-3 -> none":                          {What: "lr", Was: "1e-3"},
		`host "\x1b[2J" -> "a\nb"`:                 {What: "host", Was: "\x1b[2J", Is: "a\nb"},
		`größe "\xff" -> ü`:                        {What: "größe", Was: "\xff", Is: "ü"},
	} {
		require.Equal(t, want, c.String())
	}
	require.Less(t, len(Change{strings.Repeat("x", 1<<20), strings.Repeat("ü", 1<<20), "", true}.String()), 600)
}

func TestChangesAreSorted(t *testing.T) {
	was := before()
	was.Args = slices.Repeat([]string{"-a", "1"}, 3)
	require.True(t, slices.IsSortedFunc(Diff(was, Provenance{}), func(a, b Change) int { return strings.Compare(a.What, b.What) }))
	require.Contains(t, Diff(was, Provenance{}), Change{"flag -a", "1 1 1", "", true})
}
