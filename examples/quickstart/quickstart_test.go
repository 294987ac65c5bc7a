package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/stretchr/testify/require"
)

// readMNIST reads the data once for all tests: only the test images, which is quick.
var readMNIST = sync.OnceValues(func() (mnist.Set, error) {
	dir, err := mnist.Find()
	if err != nil {
		return mnist.Set{}, err
	}
	return mnist.LoadTest(dir)
})

// quickIn makes a program that trains one epoch on 2,000 images, and tests on 2,000 others.
func quickIn(dir string, stdout, stderr io.Writer) (*program, error) {
	data, err := readMNIST()
	if err != nil {
		return nil, err
	}
	p := &program{options: options{dir: dir, epochs: 1, saveEvery: 7, seed: 1}, stdout: stdout, stderr: stderr}
	p.train, p.test = data.Range(0, 2000), data.Range(2000, 4000)
	return p, nil
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
	require.Equal(t, "nothing to resume, step 0", lines[0])
	require.Contains(t, lines, "predictions equal: 2000 of 2000")
	for _, row := range []string{
		`\| fc1\.weight +\| F32 +\| \[784 128\] +\| +401,408 \|`,
		`\| fc1\.bias +\| F32 +\| \[128\] +\| +512 \|`,
		`\| fc2\.weight +\| F32 +\| \[128 10\] +\| +5,120 \|`,
		`\| fc2\.bias +\| F32 +\| \[10\] +\| +40 \|`,
	} {
		require.Regexp(t, row, stdout.String())
	}
	require.Contains(t, stdout.String(), "step-000000000020-g000001/model.safetensors")
	require.Empty(t, stderr.String(), "a bar was drawn though stderr is no terminal")
}

func TestCompleteTrainingIsOnlyCompared(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	p, _ := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	before := read(t, weights(t, dir))
	p, stdout := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	require.Equal(t, []string{
		"resumed step 20 from step-000000000020-g000001",
		"training is complete: 20 steps of 20",
		"predictions equal: 2000 of 2000",
	}, strings.Split(stdout.String(), "\n")[:3])
	require.True(t, bytes.Equal(before, read(t, weights(t, dir))))
}

func TestMoreEpochsGoOn(t *testing.T) {
	slow(t)
	parts, whole := t.TempDir(), t.TempDir()
	for _, row := range []struct {
		dir    string
		epochs int
	}{{parts, 1}, {parts, 3}, {whole, 3}} {
		p, _ := quick(t, row.dir)
		p.epochs = row.epochs
		require.NoError(t, p.story(t.Context()))
	}
	require.True(t, bytes.Equal(read(t, weights(t, whole)), read(t, weights(t, parts))))
}

func TestAnotherSeedIsAnotherRun(t *testing.T) {
	dir := t.TempDir()
	p, _ := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	p, _ = quick(t, dir)
	p.seed = 2
	err := p.story(t.Context())
	require.ErrorIs(t, err, runs.ErrDifferentRun)
	require.ErrorContains(t, err, dir)
	requireOneLine(t, err)
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
		return read(t, weights(t, p.dir))
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
		{[]string{"-save-every", "0"}, "-save-every is 0"},
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
	for _, name := range []string{"-dir", "-data", "-epochs", "-save-every", "-seed"} {
		require.Contains(t, stderr.String(), name)
	}
}

func TestCompareFailsIfPredictionsDiffer(t *testing.T) {
	slow(t)
	p, stdout := quick(t, t.TempDir())
	one, other := digits.NewPredictor(testRows, digits.Random(1)), digits.NewPredictor(testRows, digits.Zeros)
	require.NoError(t, p.compare(one, one))
	require.Equal(t, "predictions equal: 2000 of 2000\n", stdout.String())

	stdout.Reset()
	require.ErrorContains(t, p.compare(one, other), "differently")
	require.Regexp(t, `^predictions equal: [0-9]{1,4} of 2000\n$`, stdout.String())
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

// weights is the file with the weights of the newest checkpoint.
func weights(t *testing.T, dir string) string {
	t.Helper()
	path, err := (&program{options: options{dir: dir}}).newest()
	require.NoError(t, err)
	return path
}
