package main

// This file turns the command line into a program that is ready to run.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/fb777929/kibisis/examples/internal/mnist"
)

type options struct {
	dir, data string
	epochs    int
	saveEvery int64
	seed      uint64
}

// run is main with its surroundings as arguments: results go to stdout, and
// progress bars to stderr if that is a terminal.
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
	p.train, p.test, err = mnist.Load(p.data)
	return err
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "quickstart-out", "`folder` of the run, made if missing")
	flags.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: found by itself)")
	flags.IntVar(&o.epochs, "epochs", 6, "how often to show each image")
	flags.Int64Var(&o.saveEvery, "save-every", 100, "`steps` from one save to the next")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: quickstart [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && o.epochs < 1:
		err = fmt.Errorf("-epochs is %d, must be at least 1", o.epochs)
	case err == nil && o.saveEvery < 1:
		err = fmt.Errorf("-save-every is %d, must be at least 1", o.saveEvery)
	}
	return o, err
}
