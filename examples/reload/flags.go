package main

// This file turns the command line into a server, or into the training that it starts.

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"

	"github.com/fb777929/kibisis/examples/internal/mnist"
)

type options struct {
	dir, data, addr string
	steps           int64
	seed            uint64

	program string // to start for the training: this one
}

// run is main with its surroundings as arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	training := len(args) > 0 && args[0] == "train"
	if training {
		args = args[1:]
	}
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if training {
		return train(ctx, o, stderr)
	}
	return serve(ctx, o, stdout, stderr)
}

func serve(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	if o.program, err = os.Executable(); err != nil {
		return err
	}
	data, err := o.load()
	if err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "kibisis-reload-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	s := &service{options: o, test: data.Range(learnRows+checkRows, data.Len()), stdout: stdout, stderr: stderr}
	return s.story(ctx)
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("reload", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "", "`folder` of the run (default: a temporary one, removed in the end)")
	flags.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: found by itself)")
	flags.StringVar(&o.addr, "addr", "127.0.0.1:0", "`address` to serve at; port 0 is any that is free")
	flags.Int64Var(&o.steps, "steps", 1200, "how long to train")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: reload [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.steps < 2*evaluateEvery:
		err = fmt.Errorf("-steps is %d, must be at least %d", o.steps, 2*evaluateEvery)
	}
	return o, err
}

// trainArgs are the arguments of the training.
func (o options) trainArgs() []string {
	return []string{
		"-dir", o.dir, "-data", o.data, "-steps", strconv.FormatInt(o.steps, 10), "-seed", strconv.FormatUint(o.seed, 10),
	}
}

// load reads the 10,000 test images of MNIST.
func (o options) load() (data mnist.Set, err error) {
	if o.data == "" {
		if o.data, err = mnist.Find(); err != nil {
			return data, err
		}
	}
	return mnist.LoadTest(o.data)
}
