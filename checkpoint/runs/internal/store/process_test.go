package store

// This file starts second, real processes: this test binary, started again.

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// childJob names the variable that turns the test binary into a writer: what to do, and where.
const childJob = "KIBISIS_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if job, path, ok := strings.Cut(os.Getenv(childJob), ":"); ok {
		if err := childJobs[job](path); err != nil {
			fmt.Printf("failed: %q\n", err.Error()) // in one line
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var childJobs = map[string]func(path string) error{
	"script":        scriptOfAChild,
	"save large":    saveLargeForEver,
	"take turns":    takeATurn,
	"save unlocked": saveUnlocked,
}

// child is a process at work. What it says on its standard output has been written when it goes on.
type child struct {
	cmd *exec.Cmd
	out *bufio.Scanner
}

func startChild(t *testing.T, job, path string, env ...string) *child {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), childJob+"="+job+":"+path), env...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return &child{cmd, bufio.NewScanner(out)}
}

// lines is all that the process says until it ends, and how it ends.
func (c *child) lines() (lines []string, err error) {
	for c.out.Scan() {
		lines = append(lines, c.out.Text())
	}
	return lines, errors.Join(c.out.Err(), c.cmd.Wait())
}

// line is the next one.
func (c *child) line(t *testing.T) string {
	t.Helper()
	require.True(t, c.out.Scan(), "the process ended: %v", c.out.Err())
	return c.out.Text()
}

// killMe ends this process as SIGKILL does.
func killMe() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // until it arrives
}
