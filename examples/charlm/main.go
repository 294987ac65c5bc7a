// Charlm trains a small GPT on a book, letter by letter, and has it write. The head of the network is
// its embedding: one tensor under two names, in memory and in the file.
//
//	go run ./examples/charlm
//
// The book is Newton's Opticks, which every Go installation has among its test data. Kill it, start it
// again, and it goes on; start it once more with -steps 4000, and it learns on. model.go is the
// network, text.go the book, train.go the training, sample.go the writing. It ends with a picture of
// the loss, loss.svg in the run's folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/fb777929/kibisis/checkpoint/runs"
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
	fmt.Fprintln(stderr, "charlm:", err)
	if errors.Is(err, runs.ErrStop) {
		return 130
	}
	return 1
}

// program is one start of charlm.
type program struct {
	options
	book           *book
	stdout, stderr io.Writer
}

// story is what this program is about.
func (p *program) story(ctx context.Context) (err error) {
	name, err := nn.UseBLAS("")
	if err != nil {
		return err
	}
	t, err := newTraining(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%d letters of %d kinds, %d parameters, products by %s\n", len(p.book.letters), len(p.book.alphabet), t.size(), name)
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
