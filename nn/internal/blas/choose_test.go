package blas_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/nn/internal/blas"
)

func TestChoose(t *testing.T) {
	choose(t, "gonum")
	name, err := blas.Name()
	require.NoError(t, err)
	require.Regexp(t, `^gonum( \d+\.\d+\.\d+)?$`, name)

	if err := blas.Choose("openblas"); err == nil {
		name, err = blas.Name()
		require.NoError(t, err)
		require.Regexp(t, `^openblas \d+\.\d+\.\d+\S* \w+$`, name)

		require.NoError(t, blas.Choose("auto"))
		auto, err := blas.Name()
		require.NoError(t, err)
		require.Equal(t, name, auto)
	}
}

// Tests that are run with KIBISIS_BLAS set use what it says, or fail here.
func TestEnvironmentsChoice(t *testing.T) {
	require.NoError(t, blas.Choose(""))
	name, err := blas.Name()
	require.NoError(t, err)
	if want := os.Getenv(blas.Variable); want == "openblas" || want == "gonum" {
		require.Equal(t, want, strings.Fields(name)[0])
	}
}

func TestWhatCannotBeHadChangesNothing(t *testing.T) {
	choose(t, "gonum")
	before, err := blas.Name()
	require.NoError(t, err)

	text := filepath.Join(t.TempDir(), "lib.so")
	require.NoError(t, os.WriteFile(text, []byte("no library"), 0o600))
	for name, say := range map[string]string{
		"mkl":           `no BLAS "mkl": got neither auto, openblas, gonum nor the path of a library`,
		"/no/such/file": "",
		text:            "",
	} {
		err := blas.Choose(name)
		require.ErrorContains(t, err, say)
		after, err := blas.Name()
		require.NoError(t, err)
		require.Equal(t, before, after, name)
	}
}

func TestAnotherLibraryIsToldApart(t *testing.T) {
	choose(t, "openblas")
	if runtime.GOOS != "linux" {
		t.Skip("the name of a library without BLAS is known on linux only")
	}
	require.ErrorContains(t, blas.Choose("libc.so.6"), "libc.so.6 is no OpenBLAS: ")
}

// The variable is read once in a process, before the first product.
func TestVariable(t *testing.T) {
	if os.Getenv("KIBISIS_BLAS_CHILD") != "" {
		child()
		return
	}
	run := func(value string) string {
		command := exec.Command(os.Args[0], "-test.run=^TestVariable$")
		command.Env = append(os.Environ(), "KIBISIS_BLAS_CHILD=1", blas.Variable+"="+value)
		out, err := command.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}
	require.Contains(t, run("gonum"), "name gonum")
	require.Regexp(t, `name (gonum|openblas \d)`, run(""))
	require.Regexp(t, `name (gonum|openblas \d)`, run("auto"))
	broken := run("acml")
	require.Contains(t, broken, `error KIBISIS_BLAS=acml: no BLAS "acml"`)
	require.Contains(t, broken, `panic KIBISIS_BLAS=acml: no BLAS "acml"`)
	require.Contains(t, broken, `string none: KIBISIS_BLAS=acml: no BLAS "acml"`)
	require.Contains(t, broken, "then gonum", "another can be chosen")
	require.NotContains(t, broken, "name ")
}

func child() {
	println := func(words ...string) { os.Stdout.WriteString(strings.Join(words, " ") + "\n") }
	name, err := blas.Name()
	if err == nil {
		println("name", name)
		return
	}
	println("error", err.Error())
	println("string", blas.Implementation{}.String())
	func() {
		defer func() { println("panic", recover().(error).Error()) }()
		blas.Gemm(false, false, 1, 1, 1, 1, []float32{1}, 1, []float32{1}, 1, 0, []float32{1}, 1)
	}()
	if err := blas.Choose("gonum"); err != nil {
		println("error", err.Error())
	}
	println("then", blas.Implementation{}.String())
}

func TestEnvironmentIsAsItWas(t *testing.T) {
	choose(t, "gonum")
	const variable = "OPENBLAS_NUM_THREADS"
	t.Setenv(variable, "7")
	choose(t, "openblas")
	require.Equal(t, "7", os.Getenv(variable))
	require.NoError(t, os.Unsetenv(variable))
	require.NoError(t, blas.Choose("openblas"))
	_, is := os.LookupEnv(variable)
	require.False(t, is)
}
