package main

// This file turns the command line into options.

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
)

// minSize is the least -size, in bytes: below it nothing is left of a model that
// looks like one, and calls cost more than bytes do.
const minSize = 1 << 20

type options struct {
	size, gobSize  byteSize
	rounds         int
	dir            string // "" means the system's place for temporary files
	big            byteSize
	only           string // part of the name of the groups to run, "" means all
	pythonPath     string // "" means no Python rows
	rustPath       string // "" means no Rust rows
	gob, withTorch bool
	runs           bool // tables about training runs instead
	lost           time.Duration
	gomlxPath      string // "" means no GoMLX rows
	nn             bool   // tables about networks instead
	quick          bool   // small networks
	steps          int    // of which the memory is looked at
	markdown       bool
	json           string // "" means none
	command        string // that was typed, about
}

// byteSize is a number of bytes on the command line: 64MiB, 1GB, 4096.
type byteSize int64

func (s *byteSize) String() string { return humanize.IBytes(uint64(*s)) }

func (s *byteSize) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil {
		return err
	}
	if n < minSize || n > math.MaxInt64 {
		return fmt.Errorf("%d bytes, want at least %d", n, minSize)
	}
	*s = byteSize(n)
	return nil
}

// parse prints the flags to help if args ask for them, and then returns flag.ErrHelp.
func parse(args []string, help io.Writer) (options, error) {
	o := options{size: 1 << 30, gobSize: 128 << 20, command: commandLine(args)}
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(io.Discard) // main prints the error, once
	flags.Var(&o.size, "size", "about how many `bytes` the model has; memory for eight times as much is needed, half of it for the page cache")
	flags.IntVar(&o.rounds, "rounds", 7, "how often each way is timed")
	flags.StringVar(&o.dir, "dir", "", "existing `folder` to work in; what is made there is removed (default: a temporary one)")
	flags.StringVar(&o.pythonPath, "python", os.Getenv("KIBISIS_PYTHON"), "Python `program` that has torch and safetensors (default: $KIBISIS_PYTHON)")
	flags.StringVar(&o.rustPath, "rust", os.Getenv("KIBISIS_RUST"), "`program` built from .ci/rust (default: $KIBISIS_RUST)")
	flags.StringVar(&o.only, "only", "", "run only the groups that have this `text` in their name")
	flags.Var(&o.big, "big", "about how many `bytes` the file has of which small parts are read (default: four times -size)")
	flags.BoolVar(&o.gob, "gob", true, "time encoding/gob as well")
	flags.Var(&o.gobSize, "gobsize", "`bytes` of the model for gob, which is timed at most three times")
	flags.BoolVar(&o.withTorch, "torch", false, "time torch.save and torch.load as well")
	flags.BoolVar(&o.runs, "runs", false, "measure training runs (package runs) instead of files")
	flags.DurationVar(&o.lost, "lost", 20*time.Second, "with -runs: about how long a run is of which lost time is measured; there are 50 of each size")
	flags.StringVar(&o.gomlxPath, "gomlx", os.Getenv("KIBISIS_GOMLX"), "with -runs: `program` built from bench/gomlx (default: $KIBISIS_GOMLX)")
	flags.BoolVar(&o.nn, "nn", false, "measure networks (package nn) instead of files")
	flags.BoolVar(&o.quick, "quick", false, "with -nn: small networks, to see whether all works; their times say nothing")
	flags.IntVar(&o.steps, "steps", 10_000, "with -nn: how many training `steps` memory is looked at for")
	flags.BoolVar(&o.markdown, "markdown", false, "print the tables as Markdown")
	flags.StringVar(&o.json, "json", "", "also write every sample to this `file`, as JSON")

	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(help, "usage: bench [flags]")
		flags.SetOutput(help)
		flags.PrintDefaults()
	case err == nil && flags.NArg() > 0:
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
	case err == nil && o.rounds < 1:
		err = fmt.Errorf("-rounds is %d, must be at least 1", o.rounds)
	case err == nil && o.steps < growthParts:
		err = fmt.Errorf("-steps is %d, must be at least %d", o.steps, growthParts)
	case err == nil && o.runs && o.nn:
		err = errors.New("-runs and -nn are two measurements: choose one")
	}
	if o.big == 0 {
		o.big = 4 * o.size
	}
	return o, err
}

// commandLine is a command that a shell takes for the arguments, unless they have
// more in them than spaces.
func commandLine(args []string) string {
	line := "go run ./bench"
	for _, a := range args {
		if a == "" || strings.Contains(a, " ") {
			a = strconv.Quote(a)
		}
		line += " " + a
	}
	return line
}
