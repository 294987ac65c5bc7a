// Resume trains a network while a script kills it with -9 at random moments and
// starts it again, until it is done; then it compares the outcome with that of a
// training that was never killed, bit for bit.
//
//	go run ./examples/resume
//
// It is both programs. main.go is the script, life.go what it does to one process;
// train.go and schedule.go are the training, which the script starts as "resume train".
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/fb777929/kibisis/examples/internal/progress"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(report(os.Stderr, err))
}

// report prints an error as one line and returns the exit code: 130 after
// Ctrl-C, as in shells, 1 after any other error, 0 without one.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "resume:", err)
	if errors.Is(err, context.Canceled) {
		return 130
	}
	return 1
}

// script is one run of this program.
type script struct {
	options
	stdout, stderr io.Writer
}

// wasteLimit is how many steps may be executed in all, in steps that were needed.
const wasteLimit = 1.5

// play trains twice, once in peace and once under fire, and compares.
func (s *script) play(ctx context.Context) error {
	whole, killed := filepath.Join(s.dir, "whole"), filepath.Join(s.dir, "killed")
	for _, dir := range []string{whole, killed} {
		if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("%s is there already: remove it, or name another folder with -dir", dir)
		}
	}
	bar := progress.New(s.stderr, "never killed", s.steps)
	one, err := s.live(ctx, whole, bar, never)
	bar.Done()
	if err != nil {
		return err
	}
	lives, err := s.torment(ctx, killed)
	if err != nil {
		return err
	}
	want, err := outcome(whole)
	if err != nil {
		return err
	}
	got, err := outcome(killed)
	if err != nil {
		return err
	}
	s.print(one, lives, want, got)
	return s.judge(lives, want == got)
}

// torment starts the training, kills it, and starts it again. The first kill comes at
// any moment, perhaps before anything was done; the others soon after a commit,
// wherever the training is by then.
func (s *script) torment(ctx context.Context, dir string) (lives []life, err error) {
	bar := progress.New(s.stderr, "killed", s.steps)
	defer bar.Done()
	for kill := 0; ; kill++ {
		when := never
		switch {
		case kill == 0:
			when = moment{after: rand.N(time.Second)}
		case kill <= s.kills:
			from := s.steps * int64(kill-1) / int64(s.kills+1)
			when = moment{saved: from + 1 + rand.N(s.steps/int64(s.kills+1)), after: rand.N(60 * time.Millisecond)}
		}
		l, err := s.live(ctx, dir, bar, when)
		if err != nil {
			return nil, fmt.Errorf("start %d: %w", len(lives)+1, err)
		}
		lives = append(lives, l)
		if !l.killed {
			return lives, nil
		}
	}
}

// judge is what the script promises.
func (s *script) judge(lives []life, identical bool) error {
	executed, afterCommit := int64(0), 0
	for _, l := range lives {
		executed += l.executed
		if l.killed && l.saved > 0 {
			afterCommit++
		}
	}
	switch {
	case !identical:
		return errors.New("the outcome is not that of a training that was never killed")
	case afterCommit < s.kills:
		return fmt.Errorf("%d kills came after a commit, want %d: the training was done too soon", afterCommit, s.kills)
	case float64(executed) >= wasteLimit*float64(s.steps):
		return fmt.Errorf("%d steps were executed for %d: want fewer than %g times as many", executed, s.steps, wasteLimit)
	}
	return nil
}
