package main

// This file measures one network in all ways, in turns, and makes its tables.

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
)

// A bout is all ways computing one network.
type bout struct {
	*lab
	network network
	ways    []*way

	rows      []*row
	ops       map[string]answer // by the name of the way
	allocated map[string]answer
}

// jobTitles are what is printed of the jobs.
var jobTitles = map[string]string{
	forwardJob: "forward",
	oneJob:     "forward, one row",
	stepJob:    "training step: forward, backward, AdamW",
}

func (b *bout) measure(ctx context.Context, progress io.Writer) error {
	path := b.path(b.network.Name + ".safetensors")
	if err := b.network.write(ctx, path); err != nil {
		return err
	}
	if err := b.build(path); err != nil {
		return err
	}
	if err := measure(ctx, b.rows, b.rounds, progress); err != nil {
		return err
	}
	return b.look()
}

// build has all ways build the network, and makes the rows.
func (b *bout) build(path string) (err error) {
	var want []float64
	byJob := map[string][]*row{}
	for _, w := range b.ways {
		skip, step := w.missing(b.network), time.Duration(0)
		if skip == "" {
			var got []float64
			if got, step, err = w.build(path, want); err != nil {
				return err
			}
			if want == nil {
				want = got
			}
		}
		for _, job := range jobs {
			byJob[job] = append(byJob[job], w.row(b.group(job), job, skip, step))
		}
	}
	for _, job := range jobs {
		rows := byJob[job]
		b.rows = append(b.rows, compared(rowNamed(rows, pytorchName), rowNamed(rows, oursName), rows)...)
	}
	return nil
}

func (b *bout) group(job string) string { return b.network.Name + ": " + jobTitles[job] }

func rowNamed(rows []*row, name string) *row {
	return rows[slices.IndexFunc(rows, func(r *row) bool { return r.name == name })]
}

const (
	opSteps        = 5 // the fastest of them is looked at
	allocatedSteps = 300
)

// look asks for the times of the ops, and for memory, after all else.
func (b *bout) look() (err error) {
	b.ops, b.allocated = map[string]answer{}, map[string]answer{}
	for _, w := range b.ways {
		if w.missing(b.network) != "" {
			continue
		}
		if w.name == oursName || w.name == pytorchName {
			if b.ops[w.name], err = w.peer.ask(request{"ops", "", min(opSteps, b.rounds)}); err != nil {
				return err
			}
		}
		if w.name == oursName || w.name == plainOpenBLASName {
			if b.allocated[w.name], err = w.peer.ask(request{"allocated", "", allocatedSteps}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *bout) sheets() []*sheet {
	var all []*sheet
	for _, job := range jobs {
		all = append(all, b.timesSheet(job))
	}
	return append(all, opsSheet(b.network, b.ops), b.allocatedSheet())
}

// timesSheet is the table of a job.
func (b *bout) timesSheet(job string) *sheet {
	sh := &sheet{
		title:  b.network.String() + ": " + jobTitles[job],
		header: []string{"way", "least", "median", "to " + pytorchName, "to " + plainOpenBLASName, "to " + plainName},
	}
	var rows []*row
	for _, r := range b.rows {
		if r.group == b.group(job) {
			rows = append(rows, r)
		}
	}
	reasons := map[string]bool{}
	for _, r := range rows {
		if r.skip != "" {
			sh.add(r.name, "not run", "", "", "", "")
			if !reasons[r.skip] {
				sh.note("Not run: %s.", r.skip)
			}
			reasons[r.skip] = true
			continue
		}
		cells := []string{r.name, ms(r.least()), ms(r.median())}
		for _, other := range []string{pytorchName, plainOpenBLASName, plainName} {
			cells = append(cells, r.toLeast(rowNamed(rows, other)))
		}
		sh.add(cells...)
	}
	return sh
}

// toLeast is the ratio of the least times, "" where the other was not run.
func (r *row) toLeast(other *row) string {
	if len(other.samples) == 0 {
		return ""
	}
	return ratio(r.least(), other.least())
}

func (b *bout) allocatedSheet() *sheet {
	sh := &sheet{
		title:  b.network.Name + ": memory allocated by a warm training step",
		header: []string{"way", "steps", "allocated by one", "in pieces"},
	}
	for _, w := range b.ways {
		if a, ok := b.allocated[w.name]; ok {
			sh.add(w.name, digits(a.Values[0]), humanize.IBytes(uint64(a.Values[1])), fmt.Sprintf("%.0f", a.Values[2]))
		}
	}
	return sh
}
