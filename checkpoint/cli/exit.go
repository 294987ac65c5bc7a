package cli

// This file is about how the process ends: the status of each kind of error, and
// what is said about it.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"
)

// The statuses, besides 0.
const (
	statusBad         = 1   // a file is bad, or could not be shown
	statusUsage       = 2   // the command was not given as it should be
	statusInterrupted = 130 // as shells say it for SIGINT
	statusBrokenPipe  = 141 // as shells say it for SIGPIPE
)

// An ExitError is an error with the status that the process should end with: 1
// where verify has found a bad file, 2 for wrong usage.
type ExitError struct {
	Code int
	Err  error // nil where the command has said everything itself
}

// Error is the text of Err, or names the status where there is none.
func (e *ExitError) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("exit status %d", e.Code)
	}
	return e.Err.Error()
}

// Unwrap returns Err.
func (e *ExitError) Unwrap() error { return e.Err }

// usageError says what is wrong with the arguments, and where help is.
func usageError(cmd *cobra.Command, format string, args ...any) error {
	text := oneLine(fmt.Sprintf(format, args...))
	return &ExitError{Code: statusUsage, Err: fmt.Errorf("%s; see '%s --help'", text, cmd.CommandPath())}
}

// status returns how the process ends after err, and says why on w where that
// has not been said.
func status(w io.Writer, err error) int {
	exit := &ExitError{Code: statusBad, Err: err}
	switch {
	case err == nil:
		return 0
	case errors.Is(err, context.Canceled):
		exit = &ExitError{Code: statusInterrupted, Err: errors.New("interrupted")}
	case brokenPipe(err):
		exit = &ExitError{Code: statusBrokenPipe} // whoever read has enough: nothing to say
	default:
		_ = errors.As(err, &exit) // else as it was set above
	}
	if exit.Err != nil {
		fmt.Fprintf(w, "kibisis: %s\n", oneLine(exit.Err.Error()))
	}
	return exit.Code
}

func brokenPipe(err error) bool {
	return slices.ContainsFunc(closedPipe, func(closed error) bool { return errors.Is(err, closed) })
}
