package main

// This file measures the memory of saves: the copy, which is made once, and what each save allocates.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A footprint is the memory of the process at one moment.
type footprint struct {
	resident int64 // bytes; 0 where the system does not tell
	mallocs  uint64
	bytes    uint64 // allocated so far
}

func footprintNow() footprint {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return footprint{resident(), m.Mallocs, m.TotalAlloc}
}

// resident is how many bytes of the process are in memory, by Linux.
func resident() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// memorySaves is how many saves are looked at.
const memorySaves = 8

// memoryChapter saves the largest state several times.
func (l *lab) memoryChapter(ctx context.Context) (_ []*sheet, err error) {
	t, err := newTraining(int64(l.size), layers)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, l.dir, t, runs.Options{EverySteps: 1})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	runtime.GC()
	prints := []footprint{footprintNow()}
	for range memorySaves {
		if _, err := s.save(ctx); err != nil {
			return nil, err
		}
		if _, err := s.settle(ctx); err != nil {
			return nil, err
		}
		prints = append(prints, footprintNow())
	}
	return []*sheet{memorySheet(t, prints)}, nil
}

func memorySheet(t *training, prints []footprint) *sheet {
	sh := &sheet{
		title:  fmt.Sprintf("memory of saves of %s in %d tensors", humanize.IBytes(uint64(t.size())), t.tensors()),
		header: []string{"save", "resident more than before the first", "of the state", "allocated by it", "in pieces"},
	}
	for i, now := range prints[1:] {
		before := prints[i]
		more := max(0, now.resident-prints[0].resident)
		sh.add(strconv.Itoa(i+1), humanize.IBytes(uint64(more)), digits(float64(more)/float64(t.size())),
			humanize.IBytes(now.bytes-before.bytes), strconv.FormatUint(now.mallocs-before.mallocs, 10))
	}
	return sh
}
