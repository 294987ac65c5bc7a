//go:build unix

package main

// These tests run the program as a process of its own: a limit on the size of
// files stands in for a full disk, and Ctrl-C is a signal.

import (
	"bufio"
	"bytes"
	"context"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fileLimit, in bytes, is less than the file of the network needs.
const fileLimit = 64 << 10

// childEnv, if set to "main", makes this test program quickstart itself; if set to
// "full", a quick program on a full disk, which works in the folder of the first argument.
const childEnv = "QUICKSTART_TEST_CHILD"

func TestMain(m *testing.M) {
	switch os.Getenv(childEnv) {
	case "main":
		main()
	case "full":
		os.Exit(report(os.Stderr, onFullDisk(os.Args[1])))
	default:
		os.Exit(m.Run())
	}
}

func onFullDisk(dir string) error {
	signal.Ignore(unix.SIGXFSZ) // writing fails with "file too large" then
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: fileLimit, Max: fileLimit}); err != nil {
		return err
	}
	p, err := quickIn(dir, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
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

func TestFullDiskKeepsTheOldFile(t *testing.T) {
	dir := t.TempDir()
	cmd, stderr := child(t, "full", dir)
	p, _ := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	before := read(t, p.path)
	require.Greater(t, len(before), fileLimit)

	stdout, err := cmd.Output()
	require.Error(t, err)
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.NotContains(t, string(stdout), "saved")
	require.True(t, bytes.Equal(before, read(t, p.path)), "the old file was changed")
	require.Equal(t, []string{"mnist.safetensors"}, list(t, dir))

	line := strings.TrimSuffix(stderr.String(), "\n")
	require.NotContains(t, line, "\n")
	require.Contains(t, line, p.path)
	require.Contains(t, line, unix.EFBIG.Error())
}

func TestInterruptEndsWithCode130(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cmd, stderr := child(t, "main", "-dir", dir)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "at the start") {
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 130, cmd.ProcessState.ExitCode())
	require.Regexp(t, `^quickstart: nothing was saved: [^\n]*interrupt[^\n]*\n$`, stderr.String())
	require.Empty(t, list(t, dir))
}
