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
	dir, data, body string
	epochs          int
	images          int
	saveEvery       int64
	seed            uint64
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
	train, test, err := mnist.Load(p.data)
	if err != nil {
		return err
	}
	p.train, p.test = unseen(train, p.images), unseen(test, test.Len())
	return nil
}

// unseen are the first images of a set that show a 5, 6, 7, 8 or 9, labelled 0 to 4: at most so many,
// and whole batches.
func unseen(set mnist.Set, most int) mnist.Set {
	var found mnist.Set
	for i, label := range set.Labels {
		if label >= 5 && found.Len() < most {
			found.Images = append(found.Images, set.Row(i)...)
			found.Labels = append(found.Labels, label-5)
		}
	}
	return found.Head(found.Len() - found.Len()%testBatch)
}

// runOptions says when to save, and what makes this run another than its neighbour.
func (p *program) runOptions() *runs.Options {
	return &runs.Options{
		EverySteps:    p.saveEvery,
		StopOnSignal:  true,
		Config:        map[string]any{"seed": p.seed, "epochs": p.epochs, "images": p.images, "batch": batch, "rate": rate},
		LinkUnchanged: true,
		Identity:      []string{"seed", "images", "epochs"},
		Log:           slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("finetune", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "finetune-out", "`folder` of the run, made if missing")
	flags.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: found by itself)")
	flags.StringVar(&o.body, "body", "examples/finetune/body.safetensors", "`file` of the body")
	flags.IntVar(&o.epochs, "epochs", 20, "how often to show each image")
	flags.IntVar(&o.images, "images", 300, "how many images to learn from, in hundreds")
	flags.Int64Var(&o.saveEvery, "save-every", 100, "`steps` from one save to the next")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: finetune [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && o.epochs < 1:
		err = fmt.Errorf("-epochs is %d, must be at least 1", o.epochs)
	case err == nil && o.images < testBatch:
		err = fmt.Errorf("-images is %d, must be at least %d", o.images, testBatch)
	case err == nil && o.saveEvery < 1:
		err = fmt.Errorf("-save-every is %d, must be at least 1", o.saveEvery)
	}
	return o, err
}
