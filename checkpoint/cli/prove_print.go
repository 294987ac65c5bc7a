package cli

// This file prints what was tried, and what was lost.

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/runs/prove"
)

// printProof prints it for people. The last line says how it went.
func printProof(_ context.Context, w *bufio.Writer, r *prove.Report, styled bool) error {
	trials := table{
		head:  []string{"trial", "tried", "", "lost", "notes"},
		right: []bool{false, true, false, true, false},
		rows: mapped(slices.Values(r.Trials), func(t prove.Trial) []string {
			return []string{t.Name, comma(int64(t.Tried)), t.Unit, comma(int64(len(t.Lost))), oneLine(strings.Join(t.Notes, "; "))}
		}),
	}
	facts := table{
		head:  []string{"file system", ""},
		right: []bool{false, false},
		rows: mapped(slices.Values(r.Facts), func(f prove.Fact) []string {
			return []string{f.Name, oneLine(f.Value)}
		}),
	}
	// What was tried is told also to those who were asked to stop.
	if err := trials.write(context.Background(), w, styled); err != nil {
		return err
	}
	for _, t := range r.Trials {
		for _, lost := range t.Lost {
			fmt.Fprintf(w, "\nlost: %s: %s\n", t.Name, oneLine(lost))
		}
	}
	fmt.Fprintln(w)
	if err := facts.write(context.Background(), w, styled); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nnot tried:")
	for _, text := range r.Untested {
		fmt.Fprintf(w, "  %s\n", text)
	}
	fmt.Fprintf(w, "\nseed %d, %.0f seconds", r.Seed, r.Seconds)
	if r.Lost() > 0 {
		fmt.Fprintf(w, "; what is left is in %s", escape(r.Dir))
	}
	_, err := fmt.Fprintf(w, "\nlost: %s of %s trials\n", comma(int64(r.Lost())), humanize.Comma(int64(r.Tried())))
	return writing(err)
}

// printProofJSON prints it for programs.
func printProofJSON(_ context.Context, w *bufio.Writer, r *prove.Report, _ bool) error {
	p := newJSONPrinter(w)
	p.value(struct {
		*prove.Report
		Lost  int `json:"lost"`
		Tried int `json:"tried"`
	}{r, r.Lost(), r.Tried()})
	p.text("\n")
	return p.err
}
