package main

// This file is the command with -runs: tables about training runs, one after the other.

import (
	"context"
	"errors"
	"os"
	"strings"
	"time"
)

// A scale is how large a state is.
type scale struct {
	bytes  int64
	layers int
}

// scales are the states that are saved, up to -size. Small models have few layers; one has many all the
// same, for what tensors cost that have hardly any bytes.
var scales = []scale{{1 << 20, 1}, {1 << 20, layers}, {8 << 20, 4}, {64 << 20, layers}, {1 << 30, layers}}

// A chapter is a measurement, and the tables that it makes.
type chapter struct {
	name string
	run  func(ctx context.Context) ([]*sheet, error)
}

func (l *lab) chapters() []chapter {
	return []chapter{
		{"saves", l.savesChapter},
		{"memory", l.memoryChapter},
		{"lost time", l.lostChapter},
		{"restore", l.restoreChapter},
		{"lists", l.listChapter},
		{"kills", l.killChapter},
	}
}

// measureRuns prints the tables of -runs as they are made.
func measureRuns(ctx context.Context, o options, out *printer) (err error) {
	dir, err := os.MkdirTemp(o.dir, "kibisis-bench-")
	if err != nil {
		return err
	}
	l := &lab{options: o, dir: dir}
	defer func() { err = errors.Join(err, l.close()) }()
	out.line("%s\n\n%s UTC on %s.", o.command, time.Now().UTC().Format("2006-01-02 15:04"), l.machine())
	for _, c := range l.chapters() {
		if !strings.Contains(c.name, l.only) {
			continue
		}
		sheets, err := c.run(ctx)
		if err != nil {
			return err
		}
		for _, sh := range sheets {
			sh.print(out, o.markdown)
		}
	}
	return out.err
}

func (l *lab) savesChapter(ctx context.Context) ([]*sheet, error) {
	var all []*saving
	for _, s := range scales {
		if s.bytes > int64(l.size) {
			continue
		}
		m, err := l.measureSaving(ctx, s, l.rounds)
		if err != nil {
			return nil, err
		}
		all = append(all, m)
	}
	return []*sheet{blockingSheet(all), phaseSheet(all)}, nil
}
