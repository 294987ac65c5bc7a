package main

import (
	"bytes"
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/fb777929/kibisis/examples/internal/resumed"
)

// quick trains on a thousand images for one epoch, which takes seconds.
func quick(t *testing.T, dir string) (stdout string) {
	t.Helper()
	from, err := mnist.Find()
	require.NoError(t, err)
	set, err := mnist.LoadTest(from)
	require.NoError(t, err)
	var out bytes.Buffer
	p := &program{options: options{dir: dir, epochs: 1, images: 1280, saveEvery: 8, seed: 1}, stdout: &out, stderr: io.Discard}
	p.train, p.test = set.Range(0, 1280), set.Range(2000, 3000)
	require.NoError(t, p.story(t.Context()))
	return out.String()
}

func TestLearnsAndSaysHowWell(t *testing.T) {
	resumed.Learning(t)
	dir := t.TempDir()
	require.Regexp(t, `(?s)^products by .*nothing to resume, step 0\nepoch 1 of 1: accuracy .*\ntest accuracy: 0\.[5-9]\d\d\d\n$`, quick(t, dir))
	require.FileExists(t, filepath.Join(dir, "loss.svg"))

	// As if it had been killed after step 8.
	again := resumed.After(t, dir)
	require.Contains(t, quick(t, again), "resumed step 8 from")
	for _, file := range []string{"model.safetensors", "optimizer.safetensors"} {
		require.True(t, bytes.Equal(resumed.Newest(t, dir, file), resumed.Newest(t, again, file)), file)
	}
}

func TestBadFlagsAreOneLine(t *testing.T) {
	for _, args := range [][]string{{"-epochs", "0"}, {"-images", "3"}, {"-save-every", "0"}, {"more"}} {
		err := run(t.Context(), args, io.Discard, io.Discard)
		require.Error(t, err)
		require.NotContains(t, err.Error(), "\n")
	}
}
