package crashproof

// This file is other processes: this program, started again.

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// Child does what a process started by Place.Child is there for. It says each thing that it has done, in a
// line, before it goes on.
func Child(ctx context.Context, args []string, out io.Writer) error {
	if len(args) < 2 {
		return errors.New("this is for the program itself, which starts it again")
	}
	job, ok := map[string]func(ctx context.Context, dir string, args []string, out io.Writer) error{
		"script": playUntilKilled, "save": saveLargeForEver, "turns": takeTurns, "churn": churn,
	}[args[0]]
	if !ok {
		return fmt.Errorf("there is no %q for a process to do", args[0])
	}
	return job(ctx, args[1], args[2:], out)
}

// A child is a process at work.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	said  strings.Builder // on its standard error
}

func (p *Place) start(ctx context.Context, args ...string) (*child, error) {
	c := &child{cmd: p.Child(ctx, args...)}
	c.cmd.Stderr = &c.said
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(out)
	return c, c.cmd.Start()
}

// each calls hear with every line until the process ends, and says how it did: nil if it was killed, or
// has done all it had to.
func (c *child) each(hear func(line string) error) error {
	var err error
	for c.lines.Scan() {
		if err == nil {
			err = hear(c.lines.Text())
		}
	}
	err = errors.Join(err, c.lines.Err())
	exit := (*exec.ExitError)(nil)
	switch waited := c.cmd.Wait(); {
	case err != nil:
		return err
	case errors.As(waited, &exit) && c.said.Len() > 0:
		return violated("I6", "a writer ended: %s", strings.TrimSpace(c.said.String()))
	case errors.As(waited, &exit):
		return nil // killed
	default:
		return waited
	}
}

// killMe ends this process as SIGKILL does.
func killMe() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err) // there is no going on: the caller counts on being dead
	}
	select {} // until it arrives
}
