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
)

type options struct {
	dir, text   string
	steps       int64
	saveEvery   int64
	showEvery   int64
	letterCount int
	seed        uint64
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
	if o.text == "" {
		if o.text, err = findBook(); err != nil {
			return err
		}
	}
	p := &program{options: o, stdout: stdout, stderr: stderr}
	if p.book, err = readBook(o.text); err != nil {
		return err
	}
	return p.story(ctx)
}

// runOptions says when to save, and what makes this run another than its neighbour.
func (p *program) runOptions() *runs.Options {
	return &runs.Options{
		EverySteps:   p.saveEvery,
		StopOnSignal: true,
		Config:       map[string]any{"seed": p.seed, "letters": len(p.book.letters), "batch": batch, "rate": rate},
		Identity:     []string{"seed", "letters"},
		Log:          slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("charlm", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "charlm-out", "`folder` of the run, made if missing")
	flags.StringVar(&o.text, "text", "", "`file` to learn from (default: Newton's Opticks, as Go has it)")
	flags.Int64Var(&o.steps, "steps", 2000, "how many batches to learn from")
	flags.Int64Var(&o.saveEvery, "save-every", 200, "`steps` from one save to the next")
	flags.Int64Var(&o.showEvery, "show-every", 500, "`steps` from one sample to the next")
	flags.IntVar(&o.letterCount, "letters", 500, "how much to write in the end")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: charlm [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && (o.steps < 1 || o.saveEvery < 1 || o.showEvery < 1 || o.letterCount < 0):
		err = errors.New("-steps, -save-every and -show-every must be at least 1, and -letters no less than 0")
	}
	return o, err
}
