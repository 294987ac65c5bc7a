package main

// This file follows the run of another process, which it never changes and never holds up.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// pause is how long to wait between two looks at the run.
const pause = 100 * time.Millisecond

// best is which checkpoint is served.
var best = runs.Lowest("val_loss")

// A follower serves each new best checkpoint.
type follower struct {
	dir            string
	model          *model
	tally          *tally
	stdout, stderr io.Writer
	seen           string // the newest best checkpoint
}

// follow looks until the training has ended, and once more then.
func (f *follower) follow(ctx context.Context, trained <-chan struct{}) error {
	run, err := f.open(ctx, trained)
	if err != nil {
		return err
	}
	defer run.Close()
	for ended := false; !ended; {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-trained:
			ended = true
		case <-time.After(pause):
		}
		if err := f.look(ctx, run); err != nil {
			return err
		}
	}
	// The last one is served for a while, too.
	select {
	case <-ctx.Done():
	case <-time.After(5 * pause):
	}
	return nil
}

// open waits until there is a run.
func (f *follower) open(ctx context.Context, trained <-chan struct{}) (*runs.Run, error) {
	o := &runs.Options{
		ReadOnly: true, From: runs.BestBy(best),
		Log: slog.New(slog.NewTextHandler(f.stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	for {
		run, err := runs.Open(f.dir, o)
		if !errors.Is(err, fs.ErrNotExist) {
			return run, err
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-trained:
			return runs.Open(f.dir, o)
		case <-time.After(pause):
		}
	}
}

// look serves the best checkpoint if it is another one than before. One that is not
// there yet, or was deleted for a better one in the meantime, is no error; one that is
// damaged is told of once, and the one before stays.
func (f *follower) look(ctx context.Context, run *runs.Run) error {
	found, err := run.Find(runs.BestBy(best))
	if err == nil && found.ID != f.seen {
		err = f.take(ctx, run)
	}
	switch {
	case errors.Is(err, runs.ErrNotFound):
		return nil
	case errors.Is(err, runs.ErrDamaged):
		f.seen = found.ID
		fmt.Fprintln(f.stderr, "reload: not served:", err)
		return nil
	}
	return err
}

func (f *follower) take(ctx context.Context, run *runs.Run) error {
	restored, err := f.model.replace(ctx, run)
	if err != nil {
		return err
	}
	f.seen = restored.From
	f.tally.replaced(restored)
	fmt.Fprintf(f.stdout, "serving %s, val_loss %.4f\n", restored.From, restored.Metrics["val_loss"])
	return nil
}
