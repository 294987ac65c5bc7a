// Quickstart trains a small network on MNIST in a run that cannot be lost: kill it
// at any moment, start it again, and it goes on from its last checkpoint, to the
// very bits that it would have come to. In the end it loads the weights into a new
// network, and shows that both predict the same.
//
//	go run ./examples/quickstart    # trains; Ctrl-C or kill -9 when you like
//	go run ./examples/quickstart    # again: goes on, loads, compares
//
// main.go tells the story; fit.go is the training loop; flags.go and print.go are
// what any program needs. The network is in examples/internal/digits, in plain Gorgonia.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/digits"
	"github.com/fb777929/kibisis/examples/internal/mnist"
	G "gorgonia.org/gorgonia"
)

func main() {
	os.Exit(report(os.Stderr, run(context.Background(), os.Args[1:], os.Stdout, os.Stderr)))
}

// report prints an error as one line and returns the exit code: 130 after
// Ctrl-C, as in shells, 1 after any other error, 0 without one.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(stderr, "quickstart:", err)
	if errors.Is(err, runs.ErrStop) {
		return 130
	}
	return 1
}

// program is one start of quickstart.
type program struct {
	options
	train, test    mnist.Set
	stdout, stderr io.Writer
	saved          atomic.Int64 // the newest step that is on the disk
}

const (
	learningRate = 0.001
	testRows     = 1000 // rows in a prediction step
)

// story is what this program is about.
func (p *program) story(ctx context.Context) error {
	// A network to train, and a second graph over the same weights to test it with.
	solver := G.NewAdamSolver(G.WithLearnRate(learningRate))
	trained, err := digits.NewTrainer(digits.Random(p.seed), solver, nil)
	if err != nil {
		return err
	}
	tester := digits.NewPredictor(testRows, digits.SharedWith(trained.Network))

	if err := p.learn(ctx, trained, solver, tester); err != nil {
		return err
	}

	// A new network, all zeros: what it knows after this, it knows from the file.
	path, err := p.newest()
	if err != nil {
		return err
	}
	loaded := digits.NewPredictor(testRows, digits.Zeros)
	if _, err := checkpoint.LoadModel(ctx, path, loaded.Model(), nil); err != nil {
		return err
	}
	if err := p.compare(tester, loaded); err != nil {
		return err
	}
	return printFile(p.stdout, path)
}

// learn trains from wherever an earlier start came to, and leaves a checkpoint of the end.
func (p *program) learn(ctx context.Context, trained *digits.Trainer, solver G.Solver, tester *digits.Predictor) (err error) {
	run, err := runs.Open(p.dir, p.runOptions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, run.Close()) }()

	// All that the next step depends on. Where an earlier start left a checkpoint, its
	// values replace those of a new network, in both graphs.
	fit := &fit{program: p, run: run, net: trained, tester: tester, data: digits.NewSampler(p.seed, p.train.Len())}
	restored, err := run.Restore(ctx,
		runs.Weights(trained.Model()),
		runs.Solver(solver, trained.Order, trained.Model()),
		runs.State("data", &fit.data.At),
		runs.State("loss", &fit.loss))
	if err != nil {
		return fmt.Errorf("cannot go on from what is in %s (remove it, or name another folder with -dir): %w", p.dir, err)
	}
	fmt.Fprintln(p.stdout, restored)
	p.saved.Store(restored.Step)

	if err := fit.from(ctx, restored.Step); err != nil {
		return err
	}
	return run.Finish(ctx)
}

// runOptions says when to save, what makes this run another than its neighbour, and
// who is told what.
func (p *program) runOptions() *runs.Options {
	return &runs.Options{
		EverySteps:   p.saveEvery,
		StopOnSignal: true,
		Config:       map[string]any{"seed": p.seed, "rate": learningRate, "batch": digits.Batch, "images": p.train.Len()},
		Identity:     []string{"seed", "images"},
		Observer: func(e runs.Event) {
			if c, ok := e.(runs.Committed); ok {
				p.saved.Store(c.Step)
			}
		},
		Log: slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// newest is the file with the weights of the checkpoint that the run would go on from.
func (p *program) newest() (path string, err error) {
	run, err := runs.Open(p.dir, &runs.Options{ReadOnly: true})
	if err != nil {
		return "", err
	}
	defer run.Close()
	head, err := run.Find(runs.Selector{})
	if err != nil {
		return "", err
	}
	return filepath.Join(p.dir, head.ID, "model.safetensors"), nil
}

// compare shows both networks the test images. It is an error if they differ on one.
func (p *program) compare(saved, loaded *digits.Predictor) error {
	want, err := saved.Predict(p.test.Images)
	if err != nil {
		return err
	}
	got, err := loaded.Predict(p.test.Images)
	if err != nil {
		return err
	}
	equal := digits.CountEqual(got, want)
	fmt.Fprintf(p.stdout, "predictions equal: %d of %d\n", equal, len(want))
	if equal != len(want) {
		return fmt.Errorf("the loaded network predicts %d of %d images differently", len(want)-equal, len(want))
	}
	return nil
}
