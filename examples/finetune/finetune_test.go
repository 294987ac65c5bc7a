package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/examples/internal/resumed"
)

func quick(dir string) []string {
	return []string{"-dir", dir, "-body", "body.safetensors", "-images", "100", "-epochs", "4", "-save-every", "8"}
}

func TestABodyFromAFileIsWorthIt(t *testing.T) {
	resumed.Learning(t)
	dir := t.TempDir()
	before, err := os.ReadFile("body.safetensors")
	require.NoError(t, err)
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), quick(dir), &out, io.Discard))
	found := regexp.MustCompile(`\ntest accuracy: (0\.\d{4}) \(over a random body: (0\.\d{4})\)\n$`).FindStringSubmatch(out.String())
	require.Len(t, found, 3, out.String())
	known, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	random, err := strconv.ParseFloat(found[2], 64)
	require.NoError(t, err)
	require.Greater(t, known, random+0.1)

	after, err := os.ReadFile("body.safetensors")
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "the file of the body has changed")

	// The body is frozen: what each checkpoint has of it is what the file has.
	run := filepath.Join(dir, "pretrained")
	want, err := safetensors.Open("body.safetensors", nil)
	require.NoError(t, err)
	defer want.Close()
	got, err := safetensors.OpenBytes(resumed.Newest(t, run, "body.safetensors"), nil)
	require.NoError(t, err)
	for name, tensor := range want.All() {
		kept, err := got.Tensor(name)
		require.NoError(t, err)
		a, err := tensor.Bytes()
		require.NoError(t, err)
		b, err := kept.Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(a, b), name)
	}
}

func TestGoesOnAfterADeath(t *testing.T) {
	resumed.Learning(t)
	dir := t.TempDir()
	require.NoError(t, run(t.Context(), quick(dir), io.Discard, io.Discard))
	again := t.TempDir()
	require.NoError(t, os.Rename(resumed.After(t, filepath.Join(dir, "pretrained")), filepath.Join(again, "pretrained")))
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), quick(again), &out, io.Discard))
	require.Contains(t, out.String(), "resumed step 8 from")
	for _, file := range []string{"model.safetensors", "optimizer.safetensors"} {
		require.True(t, bytes.Equal(resumed.Newest(t, filepath.Join(dir, "pretrained"), file), resumed.Newest(t, filepath.Join(again, "pretrained"), file)), file)
	}
}

func TestWithoutABodyItSaysWhatToDo(t *testing.T) {
	err := run(t.Context(), []string{"-body", "missing.safetensors", "-dir", t.TempDir()}, io.Discard, io.Discard)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.ErrorContains(t, err, "-body")
}
