package main

// This file turns the command line into a program that is ready to run.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/fb777929/kibisis/examples/internal/mnist"
)

type options struct {
	dir, data string
	epochs    int
	images    int
	saveEvery int64
	seed      uint64
}

// run is main with its surroundings as arguments: results go to stdout, and progress bars to
// stderr if that is a terminal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	p := &program{options: o, stdout: stdout, stderr: stderr}
	if err := p.prepare(); err != nil {
		return err
	}
	return p.story(ctx)
}

// prepare reads MNIST from the folder of -data or from where Go keeps it.
func (p *program) prepare() (err error) {
	if p.data == "" {
		if p.data, err = mnist.Find(); err != nil {
			return err
		}
	}
	if p.train, p.test, err = mnist.Load(p.data); err == nil {
		p.train = p.train.Head(p.images)
	}
	return err
}

// runOptions says when to save, and what makes this run another than its neighbour.
func (p *program) runOptions() *runs.Options {
	return &runs.Options{
		EverySteps:   p.saveEvery,
		StopOnSignal: true,
		Config:       map[string]any{"seed": p.seed, "epochs": p.epochs, "images": p.images, "batch": batch, "rate": rate},
		Identity:     []string{"seed", "images", "epochs"},
		Log:          slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("mnist", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "mnist-out", "`folder` of the run, made if missing")
	flags.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: found by itself)")
	flags.IntVar(&o.epochs, "epochs", 3, "how often to show each image")
	flags.IntVar(&o.images, "images", mnist.TrainRows, "how many images to learn from")
	flags.Int64Var(&o.saveEvery, "save-every", 200, "`steps` from one save to the next")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: mnist [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && o.epochs < 1:
		err = fmt.Errorf("-epochs is %d, must be at least 1", o.epochs)
	case err == nil && (o.images < batch || o.images > mnist.TrainRows):
		err = fmt.Errorf("-images is %d, must be from %d to %d", o.images, batch, mnist.TrainRows)
	case err == nil && o.saveEvery < 1:
		err = fmt.Errorf("-save-every is %d, must be at least 1", o.saveEvery)
	}
	return o, err
}
