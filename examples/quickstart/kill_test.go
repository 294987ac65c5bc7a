package main

// These tests run the program as a process of its own, and kill it.

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// childEnv, if set to "main", makes this test program quickstart itself; if set to
// "quick", a program of killedEpochs on little data, which works in the folder of the first argument.
const childEnv = "QUICKSTART_TEST_CHILD"

// killedEpochs are of 20 steps each.
const killedEpochs = 8

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "main":
		main()
	case "quick":
		os.Exit(report(os.Stderr, quickly(os.Args[1])))
	case "full":
		os.Exit(report(os.Stderr, onFullDisk(os.Args[1])))
	default:
		os.Exit(m.Run())
	}
}

func quickly(dir string) error {
	p, err := quickIn(dir, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	p.epochs = killedEpochs
	return p.story(context.Background())
}

// child is this test program as a command.
func child(t *testing.T, kind string, args ...string) (cmd *exec.Cmd, stderr *bytes.Buffer) {
	t.Helper()
	slow(t)
	cmd, stderr = exec.CommandContext(t.Context(), os.Args[0], args...), new(bytes.Buffer)
	cmd.Env = append(os.Environ(), childEnv+"="+kind)
	cmd.Stderr = stderr
	return cmd, stderr
}

func TestKilledTrainingEndsWithTheSameBits(t *testing.T) {
	slow(t)
	whole, killed := t.TempDir(), t.TempDir()
	p, _ := quick(t, whole)
	p.epochs = killedEpochs
	require.NoError(t, p.story(t.Context()))

	for range 3 { // each time after a new checkpoint, somewhere in the next steps
		before := checkpoints(t, killed)
		cmd, stderr := child(t, "quick", killed)
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool { return checkpoints(t, killed) != before }, time.Minute, time.Millisecond)
		time.Sleep(rand.N(30 * time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.Empty(t, stderr.String())
	}

	cmd, stderr := child(t, "quick", killed)
	stdout, err := cmd.Output()
	require.NoError(t, err, "%s", stderr)
	require.Regexp(t, `^resumed step [1-9][0-9]* from `, string(stdout))
	require.True(t, bytes.Equal(read(t, weights(t, whole)), read(t, weights(t, killed))))
}

// checkpoints is the name of the newest in a folder, "" for none.
func checkpoints(t *testing.T, dir string) (newest string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), "step-") {
			newest = max(newest, e.Name())
		}
	}
	return newest
}

func TestStartedAnewOverForeignFilesLeavesThem(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(notes, []byte("mine"), 0o600))
	p, _ := quick(t, dir)
	p.stdout = io.Discard
	require.NoError(t, p.story(t.Context()))
	require.Equal(t, "mine", string(read(t, notes)))
}
