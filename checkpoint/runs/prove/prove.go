package prove

// This file makes a folder, goes through the trials, and cleans up.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/crashproof"
)

// Options tunes Run.
type Options struct {
	// Child returns this program, to be started so that it calls Child with these arguments and its own
	// standard output, and ended when ctx is. It must not be nil.
	Child func(ctx context.Context, args ...string) *exec.Cmd
	// Budget is how long it takes, divided among the trials; 0 means a minute. Each is tried once at least.
	Budget time.Duration
	// Small is a directory on a file system of at most 1 GiB free, which is filled up until it is full, many
	// times; "" leaves that trial out. Others who write there at the same time find it full, too.
	Small string
	// Seed is what chance goes by. Processes race, so that the same seed does not give the same in all.
	Seed uint64
	// LoseSyncs leaves out every sync of a file, while it is said that it was done, in the trial of power cuts:
	// states are then lost, and a proof that does not find them proves nothing.
	LoseSyncs bool
	// Observe is told the trial that begins, by name. Nil is for nobody.
	Observe func(trial string)
}

// A Report is what was tried.
type Report struct {
	Dir      string   `json:"dir"` // the folder in which it was
	Seed     uint64   `json:"seed"`
	Seconds  float64  `json:"seconds"`
	Trials   []Trial  `json:"trials"`
	Facts    []Fact   `json:"file_system"`
	Untested []string `json:"not_tested"`
}

// A Trial is what came of one kind of mishap.
type Trial struct {
	Name  string   `json:"name"`
	Tried int      `json:"tried"` // how often
	Unit  string   `json:"unit"`  // what Tried counts
	Lost  []string `json:"lost"`  // one text for each loss that was found; after a few it is not looked for more
	Notes []string `json:"notes"`
}

// Tried is how much was tried, in all trials.
func (r *Report) Tried() (n int) {
	for _, t := range r.Trials {
		n += t.Tried
	}
	return n
}

// Lost is how many losses were found.
func (r *Report) Lost() (n int) {
	for _, t := range r.Trials {
		n += len(t.Lost)
	}
	return n
}

// Run tries everything in a new folder in the directory dir, and removes the folder, unless something was
// lost: then what is left of it stays, to be looked at. It needs about 100 MiB. A loss is no error; an error, that of
// ctx too, says that the trials could not be finished, and comes with the report of those that were, if there are any.
func Run(ctx context.Context, dir string, o *Options) (_ *Report, err error) {
	began := time.Now()
	folder, err := os.MkdirTemp(dir, "kibisis-prove-")
	if err != nil {
		return nil, err
	}
	report := &Report{Dir: folder, Seed: o.Seed, Untested: untested(o.Small)}
	defer func() {
		if report.Lost() == 0 {
			err = errors.Join(err, os.RemoveAll(folder))
		}
	}()
	place := &crashproof.Place{Dir: folder, Seed: o.Seed, LoseSyncs: o.LoseSyncs, Child: o.Child}
	if o.Small != "" {
		if place.Small, err = os.MkdirTemp(o.Small, "kibisis-prove-"); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(place.Small)) }()
	}
	if report.Facts, err = facts(folder); err != nil {
		return nil, err
	}
	err = report.try(ctx, place, o)
	report.Seconds = time.Since(began).Seconds()
	return report, err
}

// Child does what a process is there for that Options.Child has started. out must not keep anything back.
func Child(ctx context.Context, args []string, out io.Writer) error {
	return crashproof.Child(ctx, args, out)
}

// defaultBudget is a minute, as the command's help says.
const defaultBudget = time.Minute

// try gives each trial its share of the time that is left.
func (r *Report) try(ctx context.Context, place *crashproof.Place, o *Options) error {
	budget := o.Budget
	if budget <= 0 {
		budget = defaultBudget
	}
	end := time.Now().Add(budget)
	var trials []crashproof.Trial
	shares := 0
	for _, t := range crashproof.Trials() {
		if t.NeedsSmall && place.Small == "" {
			continue
		}
		trials = append(trials, t)
		shares += t.Share
	}
	for _, t := range trials {
		if o.Observe != nil {
			o.Observe(t.Name)
		}
		share := time.Until(end) * time.Duration(t.Share) / time.Duration(shares)
		shares -= t.Share
		out, err := t.Run(ctx, place, time.Now().Add(share))
		if err != nil {
			return fmt.Errorf("it could not be tried: %w", err)
		}
		r.Trials = append(r.Trials, Trial{t.Name, out.Tried, t.Unit, orEmpty(out.Lost), orEmpty(out.Notes)})
	}
	return nil
}

// orEmpty makes an empty list of none, which JSON would call null.
func orEmpty(list []string) []string { return append([]string{}, list...) }

func untested(small string) []string {
	list := []string{
		"a power cut of this machine, and whether this disk keeps what it says it has flushed: pull the plug, or ask its maker",
		"bits that rot on the medium: they were flipped through the system's cache",
		"what other machines do to a shared directory at the same time",
		"files larger than 8 MiB, and more than a few checkpoints in a run",
	}
	if small == "" {
		list = append(list, "a disk that is really full: --small names a small mount that may be filled")
	}
	return list
}
