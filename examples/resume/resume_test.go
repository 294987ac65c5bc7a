package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/stretchr/testify/require"
)

// TestMain makes this test program the training that the script starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "train" {
		main()
	}
	os.Exit(m.Run())
}

func TestKilledAndNeverKilledAreIdentical(t *testing.T) {
	slow(t)
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	args := []string{"-dir", dir, "-steps", "200", "-save-every", "5", "-kills", "2"}
	require.NoError(t, run(t.Context(), args, &stdout, &stderr), "%s%s", &stdout, &stderr)

	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	require.Equal(t, "identical: true", lines[len(lines)-1])
	require.GreaterOrEqual(t, strings.Count(stdout.String(), "kill -9"), 2)
	require.Regexp(t, `(?m)^resumed step [1-9]`, stdout.String())
	require.Empty(t, stderr.String())

	var again bytes.Buffer
	err := run(t.Context(), args, &again, io.Discard)
	require.ErrorContains(t, err, filepath.Join(dir, "whole"), "a run that is there is not taken for a new one")
	require.Empty(t, again.String())
}

// Each part of the state is needed: without it a resumed training takes another way.
func TestNoPartCanBeForgotten(t *testing.T) {
	slow(t)
	o, err := parse(nil, io.Discard)
	require.NoError(t, err)
	data, err := o.load()
	require.NoError(t, err)
	dir := t.TempDir()

	n := begin(t, data)
	n.rate.Best, n.rate.Seen = 0, window-1 // the next step halves the rate
	r, err := runs.Open(dir, nil)
	require.NoError(t, err)
	_, err = r.Restore(t.Context(), n.parts()...)
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, n.step(t.Context()))
	}
	require.NoError(t, r.Save(t.Context(), 2, nil))
	require.NoError(t, r.Close())
	require.NoError(t, n.step(t.Context()))
	want := n.bits()

	require.Equal(t, want, afterOneStep(t, begin(t, data), dir, -1))
	for i := range n.parts() {
		require.NotEqual(t, want, afterOneStep(t, begin(t, data), dir, i), "without part %d", i)
	}
}

func begin(t *testing.T, data mnist.Set) *training {
	n, err := newTraining(data.Head(500), 1)
	require.NoError(t, err)
	return n
}

// afterOneStep restores all parts but one into n, and trains one step.
func afterOneStep(t *testing.T, n *training, dir string, withheld int) string {
	parts := n.parts()
	if withheld >= 0 {
		parts = slices.Delete(parts, withheld, withheld+1)
	}
	r, err := runs.Open(dir, &runs.Options{ReadOnly: true})
	require.NoError(t, err)
	_, err = r.Restore(t.Context(), parts...)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.NoError(t, n.step(t.Context()))
	return n.bits()
}

// bits are the weights, as a digest.
func (t *training) bits() string {
	h := sha256.New()
	for _, w := range t.net.Weights {
		for _, v := range w.Value().Data().([]float32) {
			_ = binary.Write(h, binary.LittleEndian, v) // a hash takes all
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

func TestJudge(t *testing.T) {
	s := &script{options: options{steps: 100, kills: 1}}
	good := []life{{executed: 60, saved: 50, killed: true}, {executed: 50, saved: 100}}
	require.NoError(t, s.judge(good, true))
	require.ErrorContains(t, s.judge(good, false), "never killed")
	require.ErrorContains(t, s.judge(append(good, life{executed: 40}), true), "150 steps")
	require.ErrorContains(t, s.judge([]life{{executed: 60, killed: true}, {executed: 50, saved: 100}}, true), "0 kills")
}

func TestLinesOfTheTraining(t *testing.T) {
	var l life
	said := "resumed step 7\nstep 8\nstep 9\nsaved step 8\nstep 10\n"
	require.NoError(t, l.listen(strings.NewReader(said), func(string, int64) {}))
	require.Equal(t, life{resumed: 7, saved: 8, executed: 3}, l)
	for _, line := range []string{"panic: at the disco", "step", "step ten"} {
		require.ErrorContains(t, l.listen(strings.NewReader(line), func(string, int64) {}), line)
	}
}

func TestATrainingThatFailsIsNoKill(t *testing.T) {
	slow(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	var stdout, stderr bytes.Buffer
	err := run(t.Context(), []string{"-dir", file}, &stdout, &stderr)
	require.Error(t, err)
	require.Equal(t, 1, report(io.Discard, err))

	err = run(t.Context(), []string{"-dir", t.TempDir(), "-data", file}, &stdout, &stderr)
	require.ErrorContains(t, err, "exit status 1")
	require.Contains(t, stderr.String(), file)
}

func TestFlags(t *testing.T) {
	for _, row := range []struct{ args, want string }{
		{"-save-every 0", "-save-every is 0"},
		{"-kills -1", "-kills is -1"},
		{"-steps 10", "-steps is 10"},
		{"more", `"more"`},
	} {
		_, err := parse(strings.Fields(row.args), io.Discard)
		require.ErrorContains(t, err, row.want)
	}
	o, err := parse([]string{"-seed", "9", "-save-every", "3"}, io.Discard)
	require.NoError(t, err)
	same, err := parse(o.trainArgs("x"), io.Discard)
	require.NoError(t, err)
	o.dir, o.kills = "x", 0
	require.Equal(t, o, same)
}

// slow skips a test where there is no time for it: with the race detector arithmetic is ten times slower.
func slow(t *testing.T) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	race := ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
	if race || testing.Short() {
		t.Skip("learns MNIST")
	}
}
