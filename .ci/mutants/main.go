// Mutants breaks the code on purpose, in one place at a time, and sees that a test notices: what no
// test notices is not promised by anything. list.txt, beside this file, says what is broken and
// which tests are to notice. From the top of the checkout:
//
//	go run .ci/mutants/*.go                all mutants
//	go run .ci/mutants/*.go -only sync     those with "sync" in their name
//
// A mutant is caught if a test fails, or hangs. It ends with status 1 if one survives, does not
// compile, or is of code that has changed since, and if a test fails without any mutant.
package main

// This file is the command: which mutants, how many at a time, and what came of it.

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"runtime"
	"sync"
	"time"
)

const listName = ".ci/mutants/list.txt"

func main() {
	only := flag.String("only", "", "a regular expression: mutants whose names match")
	parallel := flag.Int("p", runtime.NumCPU(), "how many mutants are tried at a time")
	limit := flag.Duration("timeout", time.Minute, "how long the tests of a mutant may take before it counts as caught")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *only, *parallel, *limit)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only string, parallel int, limit time.Duration) error {
	mutants, err := readList(listName, only)
	if err != nil {
		return err
	}
	lab, err := newLab(ctx, limit)
	if err != nil {
		return err
	}
	defer os.RemoveAll(lab.dir) //nolint:errcheck // it is below the system's temporary folder
	if err := eachOf(checksOf(mutants), parallel, lab.sound); err != nil {
		return err
	}
	err = eachOf(mutants, parallel, lab.try)
	fmt.Printf("%d of %d mutants caught\n", lab.caught, len(mutants))
	return err
}

// readList reads the mutants whose names match, and sees that all fit the code.
func readList(name, only string) ([]*mutant, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("%w: run it from the top of the checkout", err)
	}
	all, err := parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	wanted, err := regexp.Compile(only)
	if err != nil {
		return nil, err
	}
	var mutants []*mutant
	for _, m := range all {
		if wanted.MatchString(m.name) {
			mutants = append(mutants, m)
		}
	}
	if len(mutants) == 0 {
		return nil, fmt.Errorf("no mutant's name matches %q", only)
	}
	return mutants, fit(mutants)
}

// eachOf does the same to all, some at a time. It returns how many have failed as an error.
func eachOf[T any](all []T, parallel int, do func(T) error) error {
	var mu sync.Mutex
	var wait sync.WaitGroup
	failed := 0
	slots := make(chan struct{}, max(1, parallel))
	for _, one := range all {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if err := do(one); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
				fmt.Println(err)
			}
		})
	}
	wait.Wait()
	if failed > 0 {
		return fmt.Errorf("%d of %d failed: see above", failed, len(all))
	}
	return nil
}
