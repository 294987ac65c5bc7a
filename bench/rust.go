package main

// This file drives the program of .ci/rust, which does the reference's part. Like Python
// it measures time by itself.

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// A reference is the program's path, and a process of it that saves. One goroutine may
// use it.
type reference struct {
	path string

	cmd     *exec.Cmd
	stdin   io.WriteCloser
	answers *bufio.Scanner
	stderr  bytes.Buffer // read only after the process has ended
}

// startReference starts a process that has the tensors of model in memory, until ctx is
// done or close.
func startReference(ctx context.Context, path, model string) (*reference, error) {
	r := &reference{path: path, cmd: exec.CommandContext(ctx, path, "save", model)}
	r.cmd.Stderr = &r.stderr
	var err error
	if r.stdin, err = r.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := r.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	r.answers = bufio.NewScanner(stdout)
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	if word, err := r.answer(); err != nil || word != "ready" {
		return nil, errors.Join(err, fmt.Errorf("rust says %q, want %q", word, "ready"))
	}
	return r, nil
}

// save writes the model to path, and returns how long that took.
func (r *reference) save(path string) (time.Duration, error) {
	if _, err := fmt.Fprintln(r.stdin, path); err != nil {
		return 0, r.broken(err)
	}
	text, err := r.answer()
	if err != nil {
		return 0, err
	}
	ns, err := strconv.ParseInt(text, 10, 64)
	return time.Duration(ns), err
}

func (r *reference) answer() (string, error) {
	if r.answers.Scan() {
		return r.answers.Text(), nil
	}
	err := r.answers.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return "", r.broken(err)
}

// broken ends a process that no longer answers, and says what it said last.
func (r *reference) broken(err error) error {
	err = errors.Join(err, r.close())
	return fmt.Errorf("rust has gone: %w: %s", err, r.stderr.Bytes())
}

// close ends the process, which stops at the end of its input. A second close does
// nothing.
func (r *reference) close() error {
	if r.cmd.ProcessState != nil {
		return nil
	}
	err := r.stdin.Close()
	return errors.Join(err, r.cmd.Wait())
}

// open has a new process open a file of n tensors, and returns what the calls took
// together. One call more, the first, is for what a process does only once.
func (r *reference) open(ctx context.Context, path string, n, calls int) (time.Duration, error) {
	out, err := exec.CommandContext(ctx, r.path, "open", path, strconv.Itoa(calls+1)).Output()
	if err != nil {
		return 0, err
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(lines) != calls+1 {
		return 0, fmt.Errorf("rust opened %s %d times, want %d", path, len(lines), calls+1)
	}
	var total time.Duration
	for _, line := range lines[1:] {
		var took, tensors int
		if _, err := fmt.Sscan(line, &took, &tensors); err != nil {
			return 0, fmt.Errorf("rust says %q: %w", line, err)
		}
		if tensors != n {
			return 0, fmt.Errorf("rust found %d tensors in %s, want %d", tensors, path, n)
		}
		total += time.Duration(took)
	}
	return total, nil
}
