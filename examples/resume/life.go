package main

// This file is one life of the training process: what it says, and its end.

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fb777929/kibisis/examples/internal/progress"
)

// A life is what became of one start.
type life struct {
	resumed  int64 // the step that it went on from
	saved    int64 // the newest step that it said is saved; 0 if none was
	executed int64 // steps
	killed   bool
}

// A moment is when to kill: so much time after the process said that this step or a
// later one is saved, or, where saved is 0, after it was started.
type moment struct {
	saved int64
	after time.Duration
}

var never = moment{saved: 1 << 62}

// live starts the training in dir and kills it at the given moment, if it lives so
// long. A process that ends badly by itself is an error.
func (s *script) live(ctx context.Context, dir string, bar *progress.Bar, when moment) (l life, err error) {
	cmd := exec.CommandContext(ctx, s.program, append([]string{"train"}, s.trainArgs(dir)...)...)
	cmd.Stderr = s.stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return l, err
	}
	if err := cmd.Start(); err != nil {
		return l, err
	}
	var sent atomic.Bool
	kill := sync.OnceFunc(func() {
		time.AfterFunc(when.after, func() { sent.Store(cmd.Process.Kill() == nil) }) // no error: it had not ended
	})
	if when.saved == 0 {
		kill()
	}
	err = l.listen(stdout, func(word string, step int64) {
		switch word {
		case "resumed":
			fmt.Fprintln(s.stdout, "resumed step", step)
		case "step":
			bar.At(step)
		case "saved":
			bar.Saved(step)
			if step >= when.saved {
				kill()
			}
		}
	})
	err = errors.Join(err, cmd.Wait())
	if ctx.Err() != nil {
		return l, context.Cause(ctx)
	}
	if sent.Load() && wasKilled(cmd.ProcessState) {
		l.killed, err = true, nil
	}
	return l, err
}

// listen reads what the process says to its end: lines such as "resumed step 40",
// "step 41" and "saved step 40". Whatever it had said before it was killed is read too.
func (l *life) listen(stdout io.Reader, each func(word string, step int64)) error {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		word, step, err := parseLine(lines.Text())
		if err != nil {
			return err
		}
		switch word {
		case "resumed":
			l.resumed = step
		case "step":
			l.executed++
		case "saved":
			l.saved = step
		}
		each(word, step)
	}
	return lines.Err()
}

func parseLine(line string) (word string, step int64, err error) {
	text, number, ok := strings.Cut(line, "step ")
	if ok {
		step, err = strconv.ParseInt(number, 10, 64)
	}
	if !ok || err != nil {
		return "", 0, fmt.Errorf("the training says %q, want the number of a step", line)
	}
	return cmp.Or(strings.TrimSpace(text), "step"), step, nil
}

// wasKilled reports whether a process ended as one that was killed does: by a signal, or
// on Windows with the code 1 that Process.Kill gives it.
func wasKilled(state *os.ProcessState) bool {
	return state.ExitCode() == -1 || runtime.GOOS == "windows" && state.ExitCode() == 1
}
