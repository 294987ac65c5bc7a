package provenance

import (
	"encoding/json"
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gonum.org/v1/gonum/blas/gonum"
	"gorgonia.org/tensor"
)

func TestThisProgram(t *testing.T) {
	p := Collect([]string{"/home/someone/train", "-lr", "1e-3"})
	require.Equal(t, runtime.Version(), p.Go)
	require.Equal(t, runtime.GOOS, p.OS)
	require.Equal(t, runtime.GOARCH, p.Arch)
	require.Equal(t, runtime.GOMAXPROCS(0), p.Threads)
	require.Equal(t, []string{"-lr", "1e-3"}, p.Args)
	require.Equal(t, "github.com/fb777929/kibisis", p.Main)
	require.Contains(t, p.Program, "checkpoint/runs/internal/provenance")
	require.Contains(t, p.Modules, p.Main)
	require.Equal(t, "gc", p.Build["-compiler"])
	require.Equal(t, "gonum.org/v1/gonum/blas/gonum.Implementation", p.BLAS)
	host, err := os.Hostname()
	require.NoError(t, err)
	require.Equal(t, host, p.Host)
	if runtime.GOARCH == "amd64" {
		require.NotEmpty(t, p.CPU)
		require.Contains(t, p.Features, "SSE2")
	}
	require.Equal(t, p, Collect([]string{"x", "-lr", "1e-3"}), "two calls differ")
	require.Nil(t, Diff(p, p))
	require.Empty(t, Collect(nil).Args)
}

func TestCollectIsCheap(t *testing.T) {
	fastest := time.Hour
	for range 20 {
		start := time.Now()
		Collect(os.Args)
		fastest = min(fastest, time.Since(start))
	}
	require.Less(t, fastest, time.Millisecond)
}

func TestThreadsAreThoseOfNow(t *testing.T) {
	before := Collect(nil)
	old := runtime.GOMAXPROCS(before.Threads + 3)
	defer runtime.GOMAXPROCS(old)
	changes := Diff(before, Collect(nil))
	require.Len(t, changes, 1)
	require.Equal(t, "threads", changes[0].What)
	require.True(t, changes[0].Numeric)
}

type fastBLAS struct{ gonum.Implementation }

func (fastBLAS) String() string { return "openblas 0.3.21" }

type otherBLAS struct{ gonum.Implementation }

func TestBLASSaysItsName(t *testing.T) {
	old := tensor.WhichBLAS()
	defer tensor.Use(old)
	tensor.Use(fastBLAS{})
	require.Equal(t, "openblas 0.3.21", Collect(nil).BLAS)
	require.Equal(t, "github.com/fb777929/kibisis/checkpoint/runs/internal/provenance.otherBLAS", nameOf(&otherBLAS{}))
	require.Empty(t, nameOf(nil))
}

func TestWhatTheGoCommandRecords(t *testing.T) {
	var p Provenance
	p.addBuild(&debug.BuildInfo{
		Path: "example.com/mnist/cmd/train",
		Main: debug.Module{Path: "example.com/mnist", Version: "v1.2.3"},
		Deps: []*debug.Module{
			{Path: "gorgonia.org/gorgonia", Version: "v0.9.18"},
			{Path: "gorgonia.org/tensor", Version: "v0.9.24", Replace: &debug.Module{Path: "../tensor"}},
			{Path: "gonum.org/v1/gonum", Version: "v0.17.0", Replace: &debug.Module{Path: "example.com/gonum", Version: "v1.0.0"}},
		},
		Settings: []debug.BuildSetting{
			{Key: "vcs", Value: "git"},
			{Key: "vcs.revision", Value: "3f2a91bc"},
			{Key: "vcs.time", Value: "2026-01-02T03:04:05Z"},
			{Key: "vcs.modified", Value: "true"},
			{Key: "GOAMD64", Value: "v3"},
			{Key: "-tags", Value: ""},
			{Key: "-ldflags", Value: "-X main.token=abc"},
		},
	})
	require.Equal(t, Provenance{
		Program: "example.com/mnist/cmd/train", Main: "example.com/mnist",
		Code:  Code{"3f2a91bc", "2026-01-02T03:04:05Z", true},
		Build: map[string]string{"GOAMD64": "v3"},
		Modules: map[string]string{
			"example.com/mnist":     "v1.2.3",
			"gorgonia.org/gorgonia": "v0.9.18",
			"gorgonia.org/tensor":   "v0.9.24 => ../tensor",
			"gonum.org/v1/gonum":    "v0.17.0 => example.com/gonum@v1.0.0",
		},
	}, p)
}

func TestBuildIDIsTheLinkers(t *testing.T) {
	if runtime.GOOS == "linux" {
		require.Regexp(t, `^[\w-]+(/[\w-]+)*$`, buildID())
	}
	require.Equal(t, "a/b", findBuildID([]byte("ELF...\xff Go build ID: \"a/b\"\n \xff...")))
	require.Empty(t, findBuildID([]byte("ELF...\xff Go build ID: \"a/b")))
	require.Empty(t, findBuildID(nil))
	require.Equal(t, "a/b", findBuildID([]byte("ELF\x04\x00\x00\x00\x03\x00\x00\x00\x04\x00\x00\x00Go\x00\x00a/bxyz")))
	require.Equal(t, "a/b", findBuildID([]byte("\x00\x00\x00\x04\x00\x00\x00\x03\x00\x00\x00\x04Go\x00\x00a/bxyz")))
	require.Empty(t, findBuildID([]byte("ELF\x04\x00\x00\x00\xff\xff\xff\xff\x04\x00\x00\x00Go\x00\x00a/b")), "more than there is")
}

// The names are on disk in every checkpoint.
func TestNamesInJSONArePartOfTheFormat(t *testing.T) {
	p := Provenance{
		Program: "p", Go: "go1.26", OS: "linux", Arch: "amd64", Build: map[string]string{"GOAMD64": "v3"}, BuildID: "id",
		Code: Code{"3f", "2026-01-02T03:04:05Z", true}, Main: "m", Modules: map[string]string{"m": "v1"}, Args: []string{"-a"},
		Host: "h", CPU: "c", Features: []string{"AVX2"}, Threads: 2, BLAS: "b",
	}
	text, err := json.Marshal(p)
	require.NoError(t, err)
	require.JSONEq(t, `{"program":"p","go":"go1.26","os":"linux","arch":"amd64","build":{"GOAMD64":"v3"},"build_id":"id",
		"code":{"revision":"3f","time":"2026-01-02T03:04:05Z","modified":true},"main":"m","modules":{"m":"v1"},"args":["-a"],
		"host":"h","cpu":"c","cpu_features":["AVX2"],"threads":2,"blas":"b"}`, string(text))
	var back Provenance
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, p, back)

	here := Collect([]string{"train", "-name", "\xff\xfe", "-password=x"})
	text, err = json.Marshal(here)
	require.NoError(t, err)
	back = Provenance{}
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, here, back)
	require.NotContains(t, string(text), "ldflags")
}
