package main

// This file is the command with -nn: how fast networks of package nn run and train.

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// growthChapter is the name of the chapter after those of the networks.
const growthChapter = "growth"

// measureNN prints the tables of -nn as they are made.
func measureNN(ctx context.Context, o options, out *printer, progress io.Writer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "kibisis-bench-")
	if err != nil {
		return err
	}
	l := &lab{options: o, dir: dir}
	ways := nnWays()
	defer func() {
		for _, w := range ways {
			err = errors.Join(err, w.close())
		}
		err = errors.Join(err, l.close())
	}()
	for _, w := range ways {
		if err := w.start(ctx, l); err != nil {
			return err
		}
	}
	r := &report{Command: o.command, Date: time.Now().UTC().Truncate(time.Second), Machine: l.machine(), Rounds: o.rounds}
	out.line("%s\n\n%s UTC on %s.", r.Command, r.Date.Format("2006-01-02 15:04"), r.Machine)
	out.line("%s, interleaved. %s.", count(o.rounds, "round"), blasText(ways))
	for _, n := range networks(o.quick) {
		if !strings.Contains(n.Name, l.only) {
			continue
		}
		b := &bout{lab: l, network: n, ways: ways}
		if err := b.measure(ctx, progress); err != nil {
			return err
		}
		for _, sh := range b.sheets() {
			sh.print(out, o.markdown)
		}
		r.add(b.rows)
	}
	if strings.Contains(growthChapter, l.only) {
		sh, err := l.growth(ctx)
		if err != nil {
			return err
		}
		sh.print(out, o.markdown)
	}
	return errors.Join(out.err, r.writeJSON(o.json))
}

// add notes rows.
func (r *report) add(rows []*row) {
	for _, row := range rows {
		r.Rows = append(r.Rows, result{row.group, row.name, row.bytes, row.floor.name, row.allocs, row.skip, row.samples, row})
	}
}
