// Mnist trains a convolutional network with batch normalisation on handwritten digits, built of
// package nn, to more than 99 %. It is a run like that of quickstart: kill it, start it again, and it
// goes on.
//
//	go run ./examples/mnist
//
// model.go is the network, graph.go what is computed with it, train.go the training; main.go and
// flags.go are what any program needs. It ends with a picture of the loss, loss.svg in the run's folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	"github.com/fb777929/kibisis/nn"
)

func main() {
	os.Exit(report(os.Stderr, run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)))
}

// report prints an error as one line and returns the exit code: 130 after Ctrl-C, as in shells, 1
// after any other error, 0 without one.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "mnist:", err)
	if errors.Is(err, runs.ErrStop) {
		return 130
	}
	return 1
}

// program is one start of mnist.
type program struct {
	options
	train, test    mnist.Set
	stdout, stderr io.Writer
}

// story is what this program is about.
func (p *program) story(ctx context.Context) (err error) {
	name, err := nn.UseBLAS("")
	if err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "products by", name)

	t, err := newTraining(p, nn.NewScope(p.seed))
	if err != nil {
		return err
	}
	run, err := runs.Open(p.dir, p.runOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	restored, err := run.Restore(ctx, t.parts()...)
	if err != nil {
		return fmt.Errorf("cannot go on from what is in %s (remove it, or name another folder with -dir): %w", p.dir, err)
	}
	fmt.Fprintln(p.stdout, restored)
	if err := t.from(ctx, run, restored.Step); err != nil {
		return err
	}
	if err := run.Finish(ctx); err != nil {
		return err
	}
	return t.end()
}
