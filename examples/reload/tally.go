package main

// This file counts what happens, and prints it.

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
	"github.com/jedib0t/go-pretty/v6/table"
)

// A tally may be used from any goroutine.
type tally struct {
	ready chan struct{} // closed when the first checkpoint is served
	first sync.Once

	mu     sync.Mutex
	began  time.Time
	served []*serving
	failed int
	last   error // why
}

// A serving is what one checkpoint has answered. It is in the status page.
type serving struct {
	Checkpoint string  `json:"checkpoint"`
	Step       int64   `json:"step"`
	ValLoss    float64 `json:"val_loss"`
	Since      float64 `json:"since"` // seconds after the start
	Requests   int     `json:"requests"`
	Right      int     `json:"right"`
}

func newTally() *tally { return &tally{ready: make(chan struct{}), began: time.Now()} }

// replaced notes that a checkpoint is served now.
func (t *tally) replaced(by *runs.Restored) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of(by.From).Step, t.of(by.From).ValLoss = by.Step, by.Metrics["val_loss"]
	t.first.Do(func() { close(t.ready) })
}

// of is the serving of a checkpoint. An answer may come before replaced says so.
func (t *tally) of(checkpoint string) *serving {
	for _, s := range t.served {
		if s.Checkpoint == checkpoint {
			return s
		}
	}
	s := &serving{Checkpoint: checkpoint, Since: time.Since(t.began).Seconds()}
	t.served = append(t.served, s)
	return s
}

// answered notes what a client got.
func (t *tally) answered(a answer, err error, right bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed, t.last = t.failed+1, err
		return
	}
	s := t.of(a.Checkpoint)
	s.Requests++
	if right {
		s.Right++
	}
}

// status is for the page.
func (t *tally) status() any {
	t.mu.Lock()
	defer t.mu.Unlock()
	page := struct {
		Served []serving `json:"served"` // the last one is now
		Failed int       `json:"failed"`
	}{Served: []serving{}, Failed: t.failed}
	for _, s := range t.served {
		page.Served = append(page.Served, *s)
	}
	return page
}

// print is the table. A request that failed is an error, and so is a model that was never replaced.
func (t *tally) print(w io.Writer) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	list, requests := table.NewWriter(), 0
	list.SetOutputMirror(w)
	list.AppendHeader(table.Row{"checkpoint", "val_loss", "served from", "requests", "right"})
	for _, s := range t.served {
		list.AppendRow(table.Row{
			s.Checkpoint, fmt.Sprintf("%.4f", s.ValLoss), fmt.Sprintf("%.1f s", s.Since),
			s.Requests, fmt.Sprintf("%.1f %%", 100*float64(s.Right)/float64(max(1, s.Requests))),
		})
		requests += s.Requests
	}
	list.SetCaption("reloads: %d, requests: %d, failed: %d", max(0, len(t.served)-1), requests, t.failed)
	list.Render()
	switch {
	case t.failed > 0:
		return fmt.Errorf("%d requests failed, the last one since %w", t.failed, t.last)
	case len(t.served) < 2:
		return errors.New("the training gave fewer than two best checkpoints")
	}
	return nil
}
