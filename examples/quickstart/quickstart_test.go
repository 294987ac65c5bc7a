package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/stretchr/testify/require"
)

// readMNIST reads the data once for all tests.
var readMNIST = sync.OnceValues(func() (program, error) {
	var p program
	dir, err := mnist.Find()
	if err != nil {
		return p, err
	}
	p.train, p.test, err = mnist.Load(dir)
	return p, err
})

// quickIn makes a program that trains one epoch on 2,000 images, and tests on all 10,000.
func quickIn(dir string, stdout, stderr io.Writer) (*program, error) {
	p, err := readMNIST()
	p.options = options{dir: dir, epochs: 1, seed: 1}
	p.path = filepath.Join(dir, "mnist.safetensors")
	p.train = p.train.Head(min(2000, p.train.Len()))
	p.stdout, p.stderr = stdout, stderr
	return &p, err
}

func quick(t *testing.T, dir string) (p *program, stdout *bytes.Buffer) {
	t.Helper()
	if testing.Short() {
		t.Skip("reads and learns MNIST")
	}
	stdout = new(bytes.Buffer)
	p, err := quickIn(dir, stdout, io.Discard)
	require.NoError(t, err)
	return p, stdout
}

func TestPrintsWhatItDid(t *testing.T) {
	p, stdout := quick(t, t.TempDir())
	stderr := new(bytes.Buffer)
	p.stderr = stderr
	require.NoError(t, p.story(t.Context()))

	lines := strings.Split(stdout.String(), "\n")
	require.Contains(t, lines, "saved "+p.path)
	require.Contains(t, lines, "predictions equal: 10000 of 10000")
	require.NotContains(t, stdout.String(), "found")
	for _, row := range []string{
		`\| fc1\.weight +\| F32 +\| \[784 128\] +\| +401,408 \|`,
		`\| fc1\.bias +\| F32 +\| \[128\] +\| +512 \|`,
		`\| fc2\.weight +\| F32 +\| \[128 10\] +\| +5,120 \|`,
		`\| fc2\.bias +\| F32 +\| \[10\] +\| +40 \|`,
	} {
		require.Regexp(t, row, stdout.String())
	}
	require.Contains(t, stdout.String(), "load_file(")
	require.Empty(t, stderr.String(), "a bar was drawn though stderr is no terminal")
}

func TestSecondRunGoesOnFromTheFile(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	p, first := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	p, second := quick(t, dir)
	require.NoError(t, p.story(t.Context()))

	require.Contains(t, second.String(), "found "+p.path)
	ended := accuracies(first.String())
	started := accuracies(second.String())
	require.Len(t, ended, 2)
	require.NotEqual(t, ended[0], ended[1])
	require.Equal(t, ended[1], started[0])
	require.Contains(t, second.String(), "predictions equal: 10000 of 10000")
}

// accuracies are those printed: at the start, and after each epoch.
func accuracies(stdout string) []string {
	return regexp.MustCompile(`accuracy [0-9.]+`).FindAllString(stdout, -1)
}

func TestEqualSeedsGiveEqualFiles(t *testing.T) {
	slow(t)
	file := func(seed uint64) []byte {
		p, _ := quick(t, t.TempDir())
		p.seed = seed
		require.NoError(t, p.story(t.Context()))
		return read(t, p.path)
	}
	want := file(7)
	require.True(t, bytes.Equal(want, file(7)))
	require.False(t, bytes.Equal(want, file(8)))
}

func TestRunLearnsMNIST(t *testing.T) {
	slow(t)
	dir := filepath.Join(t.TempDir(), "made", "if", "missing")
	var stdout bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-dir", dir, "-epochs", "1"}, &stdout, io.Discard))
	require.Contains(t, stdout.String(), "\npredictions equal: 10000 of 10000\n")
	require.Greater(t, accuracies(stdout.String())[1], "accuracy 94")
}

// slow skips a test where there is no time for it. With the race detector
// arithmetic is ten times slower, and most of these tests would show it nothing new.
func slow(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	race := ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if race || testing.Short() {
		t.Skip("learns MNIST more than once, or in another process")
	}
}

// cancelAfter is a writer that cancels a context once a word was written.
type cancelAfter struct {
	word   string
	cancel context.CancelFunc
}

func (c cancelAfter) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(c.word)) {
		c.cancel()
	}
	return len(b), nil
}

func TestCancelledTrainingSavesNothing(t *testing.T) {
	dir := t.TempDir()
	stop := func() {
		p, _ := quick(t, dir)
		ctx, cancel := context.WithCancel(t.Context())
		p.stdout = cancelAfter{"at the start", cancel}
		err := p.story(ctx)
		require.ErrorContains(t, err, "nothing was saved")
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, 130, report(io.Discard, err))
		requireOneLine(t, err)
	}
	stop()
	require.Empty(t, list(t, dir))

	p, _ := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	before := read(t, p.path)
	stop()
	require.True(t, bytes.Equal(before, read(t, p.path)), "the file of the run before was changed")
	require.Equal(t, []string{"mnist.safetensors"}, list(t, dir))
}

func TestBadPathsAndFlagsAreOneLine(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o666))
	for _, row := range []struct {
		args []string
		want string
	}{
		{[]string{"-dir", file}, file},
		{[]string{"-dir", filepath.Join(file, "below")}, file},
		{[]string{"-dir", t.TempDir(), "-data", file}, file},
		{[]string{"-dir", t.TempDir(), "-data", "no such folder"}, "no such folder"},
		{[]string{"-epochs", "0"}, "-epochs is 0"},
		{[]string{"-epochs", "many"}, `"many"`},
		{[]string{"-lr", "1"}, "-lr"},
		{[]string{"more"}, `"more"`},
	} {
		var stdout, stderr bytes.Buffer
		err := run(t.Context(), row.args, &stdout, &stderr)
		require.ErrorContains(t, err, row.want, "%q", row.args)
		require.Equal(t, 1, report(io.Discard, err))
		requireOneLine(t, err)
		require.Empty(t, stdout.String()+stderr.String(), "%q: main prints the error, nobody else", row.args)
	}
}

func TestHelpListsTheFlags(t *testing.T) {
	var stdout, stderr bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-h"}, &stdout, &stderr))
	for _, name := range []string{"-dir", "-data", "-epochs", "-seed"} {
		require.Contains(t, stderr.String(), name)
	}
}

func TestFilesThatAreNoSuchNetworkAreNamed(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"not safetensors": func(path string) error { return os.WriteFile(path, []byte("hello"), 0o666) },
		"a folder":        func(path string) error { return os.Mkdir(path, 0o777) },
		"a part of it": func(path string) error {
			n := newNetwork(1, zeros)
			return checkpoint.SaveModel(t.Context(), path, checkpoint.FromNodes(n.weights[0]), nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, stdout := quick(t, t.TempDir())
			require.NoError(t, make(p.path))
			err := p.story(t.Context())
			require.ErrorContains(t, err, p.path)
			requireOneLine(t, err)
			require.Empty(t, stdout.String())
		})
	}
}

func TestCompareFailsIfPredictionsDiffer(t *testing.T) {
	slow(t)
	p, stdout := quick(t, t.TempDir())
	one, other := newPredictor(random(rand.New(rand.NewPCG(1, 0)))), newPredictor(zeros)
	require.NoError(t, p.compare(one, one))
	require.Equal(t, "predictions equal: 10000 of 10000\n", stdout.String())

	stdout.Reset()
	require.ErrorContains(t, p.compare(one, other), "differently")
	require.Regexp(t, `^predictions equal: [0-9]{1,4} of 10000\n$`, stdout.String())
}

func requireOneLine(t *testing.T, err error) {
	t.Helper()
	require.NotContains(t, err.Error(), "\n")
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return b
}

// list returns the names in a folder, hidden ones too.
func list(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
