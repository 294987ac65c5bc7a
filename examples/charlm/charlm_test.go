package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/examples/internal/resumed"
)

func TestLearnsAndWrites(t *testing.T) {
	if testing.Short() {
		t.Skip("learns for some seconds")
	}
	book := filepath.Join(t.TempDir(), "book.txt")
	require.NoError(t, os.WriteFile(book, []byte(strings.Repeat("The quick brown fox jumps over the lazy dog.\r\n", 300)), 0o600))
	args := func(dir string) []string {
		return []string{"-dir", dir, "-text", book, "-steps", "16", "-save-every", "5", "-show-every", "8", "-letters", "40"}
	}
	dir := t.TempDir()
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), args(dir), &out, io.Discard))
	require.Regexp(t, `^13500 letters of 30 kinds, \d+ parameters, products by `, out.String())
	require.Regexp(t, `step 8: loss \d\.\d+: "The .+"`, out.String())
	require.FileExists(t, filepath.Join(dir, "loss.svg"))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	written := lines[len(lines)-1]
	require.NotEmpty(t, written)

	// As if it had been killed after step 5: the same weights, and the same words.
	again := resumed.After(t, dir)
	var second bytes.Buffer
	require.NoError(t, run(t.Context(), args(again), &second, io.Discard))
	require.Contains(t, second.String(), "resumed step 5 from")
	require.True(t, bytes.Equal(resumed.Newest(t, dir, "model.safetensors"), resumed.Newest(t, again, "model.safetensors")))
	require.True(t, strings.HasSuffix(strings.TrimSpace(second.String()), written))
}

func TestTheHeadIsTheEmbedding(t *testing.T) {
	b := &book{alphabet: []rune("abc")}
	p := &program{options: options{seed: 1, steps: 1}, book: b}
	b.letters = make([]int, 100*moments)
	training, err := newTraining(p)
	require.NoError(t, err)
	head, _ := training.weights.Named("head.weight")
	embedding, _ := training.weights.Named("embedding.weight")
	require.Same(t, embedding, head)
}

func TestTheBookIsReal(t *testing.T) {
	path, err := findBook()
	require.NoError(t, err)
	b, err := readBook(path)
	require.NoError(t, err)
	require.Greater(t, len(b.letters), 500_000)
	x, next := make([]int, moments), make([]int, moments)
	b.piece(b.pieces()-1, x, next)
	require.Equal(t, x[1:], next[:moments-1])
}

func TestShortAndMissingBooksAreErrors(t *testing.T) {
	short := filepath.Join(t.TempDir(), "short.txt")
	require.NoError(t, os.WriteFile(short, []byte("too short"), 0o600))
	for _, text := range []string{short, short + "er"} {
		err := run(t.Context(), []string{"-text", text, "-dir", t.TempDir()}, io.Discard, io.Discard)
		require.ErrorContains(t, err, text)
	}
}
