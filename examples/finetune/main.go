// Finetune takes a body from a file that PyTorch wrote, freezes it, and trains a fresh head on a few
// images of things that the body has never seen: it was trained on the digits 0 to 4, and the
// head learns 5 to 9. For comparison the same is done over a body that knows nothing.
//
//	go run ./examples/finetune
//
// model.go is the network, graph.go what is computed with it, train.go the training. The body is
// mapped, not read, and in the run it is a part of its own, which each checkpoint shares with the
// first. It ends with a picture of the losses, loss.svg in the run's folder.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"github.com/fb777929/kibisis/examples/internal/curve"
	"github.com/fb777929/kibisis/examples/internal/mnist"
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
	fmt.Fprintln(stderr, "finetune:", err)
	if errors.Is(err, runs.ErrStop) {
		return 130
	}
	return 1
}

// program is one start of finetune.
type program struct {
	options
	train, test    mnist.Set // the digits 5 to 9
	stdout, stderr io.Writer
}

// story is what this program is about.
func (p *program) story(ctx context.Context) error {
	f, err := safetensors.Open(p.body, &safetensors.OpenOptions{CopyOnWrite: true})
	if err != nil {
		return fmt.Errorf("no body (name its file with -body): %w", err)
	}
	defer f.Close()
	known, err := pretrained(f, p.seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "a head for the digits 5 to 9, on %d images\n", p.train.Len())
	file, err := p.learn(ctx, "pretrained", known)
	if err != nil {
		return err
	}
	unknown, err := random(p.seed)
	if err != nil {
		return err
	}
	none, err := p.learn(ctx, "random", unknown)
	if err != nil {
		return err
	}
	picture := filepath.Join(p.dir, "loss.svg")
	if err := curve.Write(picture, "A head over a frozen body", &file.loss, &none.loss); err != nil {
		return err
	}
	fmt.Fprintln(p.stdout, "the losses are drawn in", picture)
	fmt.Fprintf(p.stdout, "test accuracy: %.4f (over a random body: %.4f)\n", file.right, none.right)
	return nil
}

// learn trains a head, in a run in a folder of that name.
func (p *program) learn(ctx context.Context, name string, net *network) (t *training, err error) {
	run, err := runs.Open(filepath.Join(p.dir, name), p.runOptions())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	if t, err = newTraining(p, name, net); err != nil {
		return nil, err
	}
	restored, err := run.Restore(ctx, t.parts()...)
	if err != nil {
		return nil, fmt.Errorf("cannot go on from what is in %s (remove it, or name another folder with -dir): %w", run.Path(), err)
	}
	fmt.Fprintln(p.stdout, restored)
	if err := t.from(ctx, run, restored.Step); err != nil {
		return nil, err
	}
	return t, run.Finish(ctx)
}
