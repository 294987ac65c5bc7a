//go:build unix

package runs

// These tests send real signals to a real process, which is this one started again.

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// childSteps tells the process that it is the other one, and how it is to step.
const childSteps = "KIBISIS_TEST_STEPS"

// TestChildSteps is what the other process does: it steps until it is asked to stop.
func TestChildSteps(t *testing.T) {
	how := os.Getenv(childSteps)
	if how == "" {
		t.Skip("is for a process that another test starts")
	}
	s := newStopper(time.Minute)
	if how == "stubborn" { // so is the rest of the program, which listens as well
		signal.Notify(make(chan os.Signal, 1), os.Interrupt, syscall.SIGTERM)
	}
	fmt.Println("ready")
	for !s.stopping() {
		time.Sleep(time.Millisecond)
		if s.requested() {
			fmt.Println("requested")
		}
	}
	fmt.Println("stopping", s.signal())
	if how == "stubborn" {
		time.Sleep(time.Minute)
	}
	s.close()
	fmt.Println("finished the step")
	if how == "deaf" {
		time.Sleep(time.Minute)
	}
}

// A steppingChild is the other process.
type steppingChild struct {
	t     *testing.T
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startStepping(t *testing.T, how string) *steppingChild {
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestChildSteps$")
	cmd.Env = append(os.Environ(), childSteps+"="+how)
	// What is ignored here would be ignored there; what is listened to is not.
	hear := make(chan os.Signal, 1)
	signal.Notify(hear, os.Interrupt)
	defer signal.Stop(hear)
	return begin(t, cmd)
}

func begin(t *testing.T, cmd *exec.Cmd) *steppingChild {
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &steppingChild{t, cmd, bufio.NewScanner(out)}
	c.says("ready")
	return c
}

func (c *steppingChild) says(want string) {
	c.t.Helper()
	require.True(c.t, c.lines.Scan(), "want %q", want)
	require.Equal(c.t, want, c.lines.Text())
}

func (c *steppingChild) send(s os.Signal) { require.NoError(c.t, c.cmd.Process.Signal(s)) }

// diesOf checks that the process ended as one that nobody had taught to listen.
func (c *steppingChild) diesOf(want syscall.Signal) {
	c.t.Helper()
	var exit *exec.ExitError
	require.ErrorAs(c.t, c.cmd.Wait(), &exit)
	status, ok := exit.Sys().(syscall.WaitStatus)
	require.True(c.t, ok)
	require.True(c.t, status.Signaled(), "%v", exit)
	require.Equal(c.t, want, status.Signal())
}

func TestProcessEndsByItselfAfterOneSignal(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		c := startStepping(t, "willing")
		c.send(s)
		c.says("stopping " + s.String())
		c.says("finished the step")
		require.NoError(t, c.cmd.Wait())
	}
}

func TestProcessDiesOfTheSecondSignal(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		c := startStepping(t, "stubborn")
		c.send(syscall.SIGTERM)
		c.says("stopping terminated")
		c.send(s)
		c.diesOf(s)
	}
}

// After close nobody listens, so the first signal is enough again.
func TestProcessDiesOfASignalAfterClose(t *testing.T) {
	c := startStepping(t, "deaf")
	c.send(syscall.SIGINT)
	c.says("stopping interrupt")
	c.says("finished the step")
	c.send(syscall.SIGTERM)
	c.diesOf(syscall.SIGTERM)
}

func TestSignalRequestsASave(t *testing.T) {
	c := startStepping(t, "willing")
	for range 2 {
		c.send(syscall.SIGUSR1)
		c.says("requested")
	}
	c.send(syscall.SIGTERM)
	c.says("stopping terminated")
	c.says("finished the step")
	require.NoError(t, c.cmd.Wait())
}

// A shell starts commands in the background so that Ctrl-C is not for them.
func TestIgnoredSignalStaysIgnored(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", `trap "" INT; exec "$0" -test.run '^TestChildSteps$'`, os.Args[0])
	cmd.Env = append(os.Environ(), childSteps+"=willing")
	c := begin(t, cmd)
	c.send(os.Interrupt)
	c.send(syscall.SIGUSR1)
	c.says("requested")
	c.send(syscall.SIGTERM)
	c.says("stopping terminated")
	c.says("finished the step")
	require.NoError(t, c.cmd.Wait())
}

func TestRequestIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeSignals{}
		s := listenTo(time.Minute, f.system())
		defer s.close()
		require.False(t, s.requested())
		f.send(syscall.SIGUSR1)
		f.send(syscall.SIGUSR1)
		require.False(t, s.stopping())
		require.True(t, s.requested())
		require.False(t, s.requested())
	})
}
