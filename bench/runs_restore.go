package main

// This file measures Restore: a whole checkpoint is read, compared with its digests, and brought into a
// live state. Beside it the floor, reading the same files once.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A restoring is what restores of one state took, and reading its files.
type restoring struct {
	bytes          int64
	warmRead, warm []time.Duration
	coldRead, cold []time.Duration // nil where pages cannot be dropped
}

// restoreChapter restores the largest state.
func (l *lab) restoreChapter(ctx context.Context) (_ []*sheet, err error) {
	t, err := newTraining(int64(l.size), layers)
	if err != nil {
		return nil, err
	}
	s, err := newSession(ctx, l.dir, t, runs.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if err := s.run.Save(ctx, 1, nil); err != nil {
		return nil, err
	}
	files, err := filepath.Glob(filepath.Join(s.dir, "step-*", "*"))
	if err != nil {
		return nil, err
	}
	r, err := l.measureRestoring(ctx, s, files)
	if err != nil {
		return nil, err
	}
	return []*sheet{r.sheet(t)}, nil
}

func (l *lab) measureRestoring(ctx context.Context, s *session, files []string) (*restoring, error) {
	r := &restoring{}
	want := append([]byte(nil), s.t.weights.bytes()...)
	piece := make([][]byte, cores())
	for i := range piece {
		piece[i] = newHuge(loadPiece)
	}
	for round := range l.rounds + 1 {
		for _, cold := range []bool{false, true} {
			if cold && !canDropPages {
				continue
			}
			read, err := timedAfter(files, cold, func() error { return readFiles(ctx, files, piece) })
			if err != nil {
				return nil, err
			}
			clear(s.t.weights.slab)
			took, err := timedAfter(files, cold, func() error { return restoreOnce(ctx, s) })
			if err != nil {
				return nil, err
			}
			if string(want) != string(s.t.weights.bytes()) {
				return nil, errors.New("restored weights are not those that were saved")
			}
			switch {
			case round == 0:
			case cold:
				r.coldRead, r.cold = append(r.coldRead, read), append(r.cold, took)
			default:
				r.warmRead, r.warm = append(r.warmRead, read), append(r.warm, took)
			}
		}
	}
	for _, f := range files {
		info, err := os.Stat(f)
		if err != nil {
			return nil, err
		}
		r.bytes += info.Size()
	}
	return r, nil
}

// timedAfter times f, after the files were dropped from the page cache or read into it.
func timedAfter(files []string, cold bool, f func() error) (time.Duration, error) {
	for _, name := range files {
		var err error
		if cold {
			err = dropPages(name)
		} else {
			_, err = os.ReadFile(name)
		}
		if err != nil {
			return 0, err
		}
	}
	begin := time.Now()
	err := f()
	return time.Since(begin), err
}

// readFiles reads every byte once, on all cores.
func readFiles(ctx context.Context, files []string, piece [][]byte) error {
	free := make(chan []byte, len(piece))
	for _, p := range piece {
		free <- p
	}
	for _, name := range files {
		if err := readFileIn(ctx, name, free); err != nil {
			return err
		}
	}
	return nil
}

func readFileIn(ctx context.Context, name string, free chan []byte) (err error) {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return inPieces(ctx, int(info.Size()), loadPiece, cap(free), func(begin, end int) error {
		p := <-free
		defer func() { free <- p }()
		_, err := f.ReadAt(p[:end-begin], int64(begin))
		return err
	})
}

// restoreOnce opens the run beside its writer, and restores.
func restoreOnce(ctx context.Context, s *session) (err error) {
	r, err := runs.Open(s.dir, &runs.Options{ReadOnly: true, Log: silent()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	restored, err := r.Restore(ctx, s.t.parts()...)
	if err == nil && restored.Step != 1 {
		err = fmt.Errorf("restored step %d, want 1", restored.Step)
	}
	return err
}

func (r *restoring) sheet(t *training) *sheet {
	sh := &sheet{
		title:  fmt.Sprintf("restore %s in %d tensors: read, verify, bring into a live state", humanize.IBytes(uint64(t.size())), t.tensors()),
		header: []string{"files", "read once, all cores (floor)", "spread", "Open, Restore, Close", "spread", "to floor", "GB/s"},
	}
	add := func(name string, floor, ours []time.Duration) {
		sh.add(name, ms(median(floor)), spread(floor), ms(median(ours)), spread(ours), ratio(median(ours), median(floor)),
			digits(float64(r.bytes)/float64(median(ours))))
	}
	add("in the page cache", r.warmRead, r.warm)
	if r.cold != nil {
		add("not in the page cache", r.coldRead, r.cold)
	}
	return sh
}
