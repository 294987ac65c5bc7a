//go:build unix

package main

// These tests need what only Unix has: a limit on the size of files stands in for
// a full disk, and Ctrl-C is a signal.

import (
	"bufio"
	"context"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// fileLimit, in bytes, is less than the file of the network needs.
const fileLimit = 64 << 10

// onFullDisk trains in dir for one epoch more than the others.
func onFullDisk(dir string) error {
	signal.Ignore(unix.SIGXFSZ) // writing fails with "file too large" then
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: fileLimit, Max: fileLimit}); err != nil {
		return err
	}
	p, err := quickIn(dir, os.Stdout, os.Stderr)
	if err != nil {
		return err
	}
	p.epochs = 2
	return p.story(context.Background())
}

func TestFullDiskKeepsTheOldCheckpoint(t *testing.T) {
	dir := t.TempDir()
	cmd, stderr := child(t, "full", dir)
	p, _ := quick(t, dir)
	require.NoError(t, p.story(t.Context()))
	before := checkpoints(t, dir)

	stdout, err := cmd.Output()
	require.Error(t, err)
	require.Equal(t, 1, cmd.ProcessState.ExitCode())
	require.Contains(t, string(stdout), "resumed step 20 from "+before)
	require.NotContains(t, string(stdout), "predictions equal")
	require.Equal(t, before, checkpoints(t, dir))

	lines := strings.Split(strings.TrimSuffix(stderr.String(), "\n"), "\n")
	require.Contains(t, lines[0], "save failed", "the log says so at once")
	require.Contains(t, lines[len(lines)-1], "quickstart: ")
	require.Contains(t, lines[len(lines)-1], unix.EFBIG.Error())
}

func TestInterruptEndsWithCode130AndGoesOn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	cmd, stderr := child(t, "quick", dir)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "epoch 1 of") {
			require.NoError(t, cmd.Process.Signal(os.Interrupt))
		}
	}
	require.Error(t, cmd.Wait())
	require.Equal(t, 130, cmd.ProcessState.ExitCode(), "%s", stderr)
	require.Regexp(t, `(?m)^quickstart: epoch \d of 8: step \d+, of which \d+ are saved: .*signal[^\n]*\n\z`, stderr.String())

	cmd, stderr = child(t, "quick", dir)
	text, err := cmd.Output()
	require.NoError(t, err, "%s", stderr)
	require.Regexp(t, `^resumed step [1-9][0-9]* from `, string(text))
}
