package main

// This file builds and runs tests, of the code as it is and of mutants of it. Nothing is written into the
// checkout: the compiler is told to take one file from elsewhere.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A lab tries mutants.
type lab struct {
	ctx   context.Context
	dir   string // for its files
	limit time.Duration

	mu     sync.Mutex
	caught int
	built  map[string]func() (string, error) // of the code as it is, by package
}

func newLab(ctx context.Context, limit time.Duration) (*lab, error) {
	dir, err := os.MkdirTemp("", "kibisis-mutants-")
	return &lab{ctx: ctx, dir: dir, limit: limit, built: map[string]func() (string, error){}}, err
}

// sound sees that tests pass without a mutant, and that there are such tests.
func (l *lab) sound(c check) error {
	program, err := l.asItIs(c.pkg)()
	if err != nil {
		return err
	}
	passed, output, err := l.tests(program, c)
	switch {
	case err != nil:
		return err
	case !passed:
		return fmt.Errorf("%s fails without a mutant:\n%s", c, tail(output))
	case !strings.Contains(output, "--- PASS"):
		return fmt.Errorf("stale: %s: there are no such tests, or they are skipped", c)
	}
	return nil
}

// asItIs builds the tests of a package once.
func (l *lab) asItIs(pkg string) func() (string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.built[pkg] == nil {
		l.built[pkg] = sync.OnceValues(func() (string, error) {
			dir, err := os.MkdirTemp(l.dir, "as-it-is-")
			if err != nil {
				return "", err
			}
			return l.build(dir, pkg, "")
		})
	}
	return l.built[pkg]
}

// try tries one mutant.
func (l *lab) try(m *mutant) error {
	began := time.Now()
	dir, err := os.MkdirTemp(l.dir, "mutant-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the whole lab goes in the end
	overlay, err := m.overlay(dir)
	if err != nil {
		return err
	}
	for _, c := range m.checks {
		program, err := l.build(dir, c.pkg, overlay)
		if err != nil {
			return fmt.Errorf("%s:%d: does not compile: %s: %w", listName, m.line, m.name, err)
		}
		passed, output, err := l.tests(program, c)
		if err != nil {
			return err
		}
		if !passed {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.caught++
			fmt.Printf("caught %5.1fs  %s: %s\n", time.Since(began).Seconds(), m.name, notice(output))
			return nil
		}
	}
	return fmt.Errorf("%s:%d: SURVIVED %.1fs: %s, in spite of %v", listName, m.line, time.Since(began).Seconds(), m.name, m.checks)
}

// overlay writes the mutant, and what tells the compiler of it.
func (m *mutant) overlay(dir string) (string, error) {
	text, err := m.source()
	if err != nil {
		return "", err
	}
	file, err := filepath.Abs(filepath.FromSlash(m.file))
	if err != nil {
		return "", err
	}
	mutated, overlay := filepath.Join(dir, "mutant.go"), filepath.Join(dir, "overlay.json")
	b, err := json.Marshal(map[string]map[string]string{"Replace": {file: mutated}})
	if err != nil {
		return "", err
	}
	return overlay, errors.Join(os.WriteFile(mutated, []byte(text), 0o600), os.WriteFile(overlay, b, 0o600))
}

// build builds the tests of a package.
func (l *lab) build(dir, pkg, overlay string) (program string, err error) {
	program = filepath.Join(dir, strings.ReplaceAll(pkg, "/", "-")+".test.exe")
	args := []string{"test", "-c", "-o", program, "-ldflags", "-s -w"}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	output, err := exec.CommandContext(l.ctx, "go", append(args, "./"+pkg)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, tail(string(output)))
	}
	return program, nil
}

// tests runs tests in their package's folder, as go test does. Those that take too long do not pass.
func (l *lab) tests(program string, c check) (passed bool, output string, err error) {
	temp, err := os.MkdirTemp(filepath.Dir(program), "tmp-")
	if err != nil {
		return false, "", err
	}
	defer os.RemoveAll(temp)       //nolint:errcheck // as above
	const grace = 10 * time.Second // for tests that do not even end in time
	ctx, cancel := context.WithTimeout(l.ctx, l.limit+grace)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "-test.v", "-test.failfast", "-test.timeout="+l.limit.String(), "-test.run="+c.run)
	cmd.Dir = filepath.FromSlash(c.pkg)
	cmd.Env = append(os.Environ(), "TMPDIR="+temp, "TEMP="+temp, "TMP="+temp)
	cmd.WaitDelay = time.Second
	b, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if l.ctx.Err() != nil {
		return false, "", context.Cause(l.ctx)
	}
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) {
		return false, "", err
	}
	return err == nil, string(b), nil
}

// notice is the first test that failed, or how it ended.
func notice(output string) string {
	last := "no test failed, but the program"
	for line := range strings.Lines(output) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") {
			return line
		}
		if rest, ok := strings.CutPrefix(line, "--- FAIL: "); ok {
			last, _, _ = strings.Cut(rest, " (") // those of subtests come last
		}
	}
	return last
}

// tail is the end of an output.
func tail(output string) string {
	const lines = 30
	all := strings.Split(strings.TrimSpace(output), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
