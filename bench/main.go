// Command bench measures how fast models are saved and loaded, beside the floors
// of the machine it runs on (copying memory, writing a file) and beside what
// others do with the same tensors: gob of Gorgonia's tensors, Python, and Rust.
//
//	go run ./bench -python python3
//
// All ways are timed in turns, in a new order each round, and compared within the
// same run; README.md says what is measured and what is not. The benchmarks of
// `go test -bench . ./bench` are the small ones, for benchstat.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// run is main with its surroundings as arguments: results go to stdout, and a
// progress bar to stderr if that is a terminal.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	const childArgs, nnChildArgs = 4, 2
	if len(args) == childArgs && args[0] == childWord {
		return runChild(ctx, args[1:], &printer{w: stdout})
	}
	if len(args) == nnChildArgs && args[0] == nnChildWord {
		return runNNChild(args[1], os.Stdin, stdout)
	}
	o, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if o.runs {
		return measureRuns(ctx, o, &printer{w: stdout})
	}
	if o.nn {
		return measureNN(ctx, o, &printer{w: stdout}, stderr)
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	rows := l.rows()
	if err := measure(ctx, rows, o.rounds, stderr); err != nil {
		return err
	}
	r := l.report(rows)
	if err := r.print(stdout, o.markdown); err != nil {
		return err
	}
	return r.writeJSON(o.json)
}
