package main

// This file turns the command line into a script, or into the training that the
// script starts.

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
	dir, data        string
	steps, saveEvery int64
	kills            int
	seed             uint64

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
		return train(ctx, o, stdout, stderr)
	}
	if o.program, err = os.Executable(); err != nil {
		return err
	}
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "kibisis-resume-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	return (&script{options: o, stdout: stdout, stderr: stderr}).play(ctx)
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (o options, err error) {
	flags := flag.NewFlagSet("resume", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.StringVar(&o.dir, "dir", "", "`folder` of the two runs (default: a temporary one, removed in the end)")
	flags.StringVar(&o.data, "data", "", "`folder` with the four MNIST files (default: found by itself)")
	flags.Int64Var(&o.steps, "steps", 1000, "how long to train")
	flags.Int64Var(&o.saveEvery, "save-every", 25, "`steps` from one save to the next")
	flags.IntVar(&o.kills, "kills", 6, "how often to kill after a commit, beside the kill at any moment")
	flags.Uint64Var(&o.seed, "seed", 1, "equal seeds give equal networks, bit for bit")

	err = flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: resume [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err != nil:
	case flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case o.saveEvery < 1:
		err = fmt.Errorf("-save-every is %d, must be at least 1", o.saveEvery)
	case o.kills < 0:
		err = fmt.Errorf("-kills is %d, must be at least 0", o.kills)
	case o.steps < 4*o.saveEvery*int64(o.kills+1):
		err = fmt.Errorf("-steps is %d, must be at least %d for so many saves and kills", o.steps, 4*o.saveEvery*int64(o.kills+1))
	}
	return o, err
}

// trainArgs are the arguments of the training in dir.
func (o options) trainArgs(dir string) []string {
	return []string{
		"-dir", dir, "-data", o.data,
		"-steps", strconv.FormatInt(o.steps, 10), "-save-every", strconv.FormatInt(o.saveEvery, 10),
		"-kills", "0", "-seed", strconv.FormatUint(o.seed, 10),
	}
}

// load reads what to learn from: the 10,000 test images of MNIST, since a process that is
// killed soon had better be quick to start.
func (o options) load() (data mnist.Set, err error) {
	if o.data == "" {
		if o.data, err = mnist.Find(); err != nil {
			return data, err
		}
	}
	return mnist.LoadTest(o.data)
}
