package runs

// This file starts the scripts' program as processes of their own, and kills them.

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// envProgram has the arguments of a process that is the scripts' program, one a line.
const envProgram = "KIBISIS_TEST_PROGRAM"

// programChild is all that such a process does.
func programChild(args string) int {
	p := &program{}
	words := strings.Split(args, "\n")
	err := p.parse(words[1:])
	if err == nil {
		p.path, p.real = words[0], true
		err = p.main(os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (p *program) parse(words []string) error {
	set := flag.NewFlagSet("train", flag.ContinueOnError)
	p.define(set)
	return set.Parse(words)
}

func programCommand(ctx context.Context, args, env []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(append(os.Environ(), envProgram+"="+strings.Join(args, "\n")), env...)
	return cmd
}

// startProgram runs the program to its end.
func startProgram(ctx context.Context, args []string, env ...string) (string, error) {
	cmd := programCommand(ctx, args, env)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return string(out) + stderr.String(), err
	}
	return string(out), nil
}

// trainElsewhere is train in a process of its own.
func trainElsewhere(ts *testscript.TestScript, args []string) (string, error) {
	var env []string
	for strings.Contains(args[0], "=") {
		env, args = append(env, args[0]), args[1:]
	}
	return startProgram(context.Background(), absolute(ts, args), env...)
}

func absolute(ts *testscript.TestScript, args []string) []string {
	args = append([]string{ts.MkAbs(args[0])}, args[1:]...)
	for i, arg := range args {
		if i > 0 && args[i-1] == "-weights" {
			args[i] = ts.MkAbs(arg)
		}
	}
	return args
}

// endless trains until it is killed, and saves 2 MB after each step.
var endless = []string{"-until", "1000000", "-every", "1", "-keep", "2", "-head", "500x300"}

// killSaves starts the program so often and kills it each time a moment after it said that it had
// saved, so that it is likely to be in the next save. KIBISIS_KILLS, if set, is how often.
//
//	killed TIMES DIR
func killSaves(ts *testscript.TestScript, args []string) (string, error) {
	times := int(integer(ts, args[0]))
	if n := os.Getenv("KIBISIS_KILLS"); n != "" {
		times = int(integer(ts, n))
	}
	args = append(absolute(ts, args[1:]), endless...)
	rng := rand.New(rand.NewPCG(1, uint64(times)))
	for i := range times {
		saved, err := killOne(args, 1+i%3, time.Duration(rng.IntN(4000))*time.Microsecond)
		if err != nil {
			return "", fmt.Errorf("kill %d: %w", i+1, err)
		}
		if err := atLeast(args[0], saved); err != nil {
			return "", fmt.Errorf("after kill %d: step %d was reported to be saved: %w", i+1, saved, err)
		}
	}
	return "", nil
}

// killOne starts the program, kills it that long after it has saved for the n-th time, and
// returns the newest step that it had reported.
func killOne(args []string, n int, after time.Duration) (saved int64, err error) {
	cmd := programCommand(context.Background(), args, nil)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return 0, err
	}
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		text, isSave := strings.CutPrefix(lines.Text(), "saved step ")
		if !isSave {
			continue
		}
		step, _, _ := strings.Cut(text, " ")
		if saved, err = strconv.ParseInt(step, 10, 64); err != nil {
			return 0, err
		}
		if n--; n == 0 {
			time.Sleep(after)
			if err := cmd.Process.Kill(); err != nil {
				return 0, fmt.Errorf("it ended by itself: %w", err)
			}
		}
	}
	exit := (*exec.ExitError)(nil)
	if err := cmd.Wait(); !errors.As(err, &exit) || exit.Exited() {
		return 0, fmt.Errorf("it was to be killed, and ended: %w", err)
	}
	return saved, nil
}

// atLeast opens the run as the next process would, and sees what it would go on from.
func atLeast(path string, step int64) error {
	p := &program{path: path, out: &lockedWriter{w: io.Discard}}
	if err := p.parse(endless); err != nil {
		return err
	}
	p.begin()
	r, err := Open(path, &Options{ReadOnly: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer r.Close()
	restored, err := r.Restore(context.Background(), p.parts()...)
	if err == nil && (restored.Step < step || len(restored.Skipped) > 0) {
		err = fmt.Errorf("%s", restored)
	}
	return err
}
