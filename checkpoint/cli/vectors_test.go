package cli

// This file runs the conformance corpus, testdata/vectors, through the command: what
// it says of each file is one line, with the word that the vector has for it.

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/vectors"
)

func TestVectorsThroughVerify(t *testing.T) {
	all, err := vectors.Load("../../testdata/vectors")
	require.NoError(t, err)
	require.Greater(t, len(all), 150)
	t.Chdir(t.TempDir())
	for _, v := range all {
		require.NoError(t, os.WriteFile(pathOf(v), v.File, 0o600))
		t.Run(v.Name, func(t *testing.T) {
			status, out, errs := run(t, "verify", pathOf(v))
			requireVerdict(t, v, v.Strict, status, out)
			require.Empty(t, errs)

			status, out, errs = run(t, "verify", "--lenient", pathOf(v))
			requireStill(t, errs)
			if v.Lenient == "ok" {
				forgiven := strings.Count(errs, "\n")
				require.Equal(t, v.Strict != "ok", forgiven > 0, "%s", errs)
				before, ok := strings.CutSuffix(out, fmt.Sprintf(" forgiven=%d\n", forgiven))
				require.True(t, ok, "%s", out)
				out = before + "\n"
			} else {
				require.Empty(t, errs)
			}
			requireVerdict(t, v, v.Lenient, status, out)
		})
	}
	requireAllAtOnce(t, all)
}

// pathOf is a name that no shell and no terminal has trouble with.
func pathOf(v vectors.Vector) string { return strings.ReplaceAll(v.Name, "/", "-") + ".safetensors" }

// requireVerdict requires the line for a vector whose outcome this is.
func requireVerdict(t *testing.T, v vectors.Vector, want string, status int, out string) {
	t.Helper()
	requireStill(t, out)
	if want == "ok" {
		data := uint64(len(v.File)) - 8 - binary.LittleEndian.Uint64(v.File)
		require.Equal(t, fmt.Sprintf("ok %s tensors=%d bytes=%d\n", pathOf(v), len(v.Tensors), data), out)
		require.Zero(t, status)
		return
	}
	why, ok := strings.CutPrefix(out, "bad "+pathOf(v)+" "+want+": ")
	require.True(t, ok, "want %s, got %s", want, out)
	require.Greater(t, len(why), len("\n"), "it says why")
	require.Equal(t, 1, strings.Count(out, "\n"))
	require.Equal(t, 1, status)
}

// requireStill requires that nothing in a text acts on a terminal.
func requireStill(t *testing.T, text string) {
	t.Helper()
	at, found := actsOnTerminal(text, "\n")
	require.Equal(t, -1, at, "%U in %q", found, text)
}

// requireAllAtOnce requires that no file changes what is said of the next.
func requireAllAtOnce(t *testing.T, all []vectors.Vector) {
	t.Helper()
	args, each := []string{"verify"}, ""
	for _, v := range all {
		args = append(args, pathOf(v))
		_, out, _ := run(t, "verify", pathOf(v))
		each += out
	}
	status, out, errs := run(t, args...)
	require.Equal(t, 1, status)
	require.Equal(t, each, out)
	require.Empty(t, errs)
}
