package cli

// This file puts errors about files into words, each into one line.

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// faultsIn takes joined errors apart. (What else wraps several says so in words of
// its own.)
func faultsIn(err error) []error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok || errors.Join(joined.Unwrap()...).Error() != err.Error() {
		return []error{err}
	}
	var faults []error
	for _, part := range joined.Unwrap() {
		faults = append(faults, faultsIn(part)...)
	}
	return faults
}

// describe says what is wrong with the file at path: "KIND: message". Of several
// faults it says the first, and how many there are besides.
func describe(err error, path string) string {
	faults := faultsIn(err)
	text := fmt.Sprintf("%s: %s", kindOf(faults[0]), messageOf(faults[0], path))
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// kindOf is the word for what is wrong: the rule of the format that is broken,
// else io.
func kindOf(err error) string {
	if bad := (*safetensors.FormatError)(nil); errors.As(err, &bad) {
		return string(bad.Kind)
	}
	return "io"
}

// messageOf says what is wrong with the file at path, in one line that has
// neither that path nor the kind.
func messageOf(err error, path string) string {
	text := err.Error()
	if bad := (*safetensors.FormatError)(nil); errors.As(err, &bad) {
		text = place(*bad, path) + bad.Detail
	}
	return oneLine(strings.TrimPrefix(text, "safetensors: "))
}

// place is the beginning of an error's text: where it is, without the path if
// that is known.
func place(bad safetensors.FormatError, known string) string {
	if bad.Path == known {
		bad.Path = ""
	}
	return strings.TrimSuffix(bad.Error(), fmt.Sprintf("%s: %s", bad.Kind, bad.Detail))
}

// printForgiven says what a lenient reader has passed over, a line each.
func printForgiven(w io.Writer, path string, forgiven []*safetensors.FormatError) {
	for _, f := range forgiven {
		fmt.Fprintf(w, "kibisis: %s: forgiven %s\n", escape(path), describe(f, path))
	}
}
