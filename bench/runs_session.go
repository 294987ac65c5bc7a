package main

// This file is a run that is saved for the tables of -runs, and what it tells.

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/runs"
)

// A session is an open run with a loop's state. One goroutine may use it.
type session struct {
	t    *training
	dir  string
	run  *runs.Run
	step int64

	mu   sync.Mutex
	seen []runs.Committed
	err  error // of a save in the background
}

// newSession opens a new run in a folder of its own. o is the session's from then on.
func newSession(ctx context.Context, dir string, t *training, o runs.Options) (*session, error) {
	dir, err := os.MkdirTemp(dir, "run-")
	if err != nil {
		return nil, err
	}
	s := &session{t: t, dir: dir}
	o.Observer, o.Log = s.observe, silent()
	if s.run, err = runs.Open(dir, &o); err == nil {
		_, err = s.run.Restore(ctx, t.parts()...)
	}
	if err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *session) observe(e runs.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch e := e.(type) {
	case runs.Committed:
		s.seen = append(s.seen, e)
	case runs.Failed:
		s.err = errors.Join(s.err, e.Err)
	case runs.NotFinite, runs.Damaged, runs.Warning:
		s.err = errors.Join(s.err, fmt.Errorf("%T: %s", e, e))
	}
}

// commits are the saves that are durable, and what went wrong with others.
func (s *session) commits() ([]runs.Committed, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen, s.err
}

// save has the next step saved, and returns how long the loop had to wait.
func (s *session) save(ctx context.Context) (time.Duration, error) {
	s.step++
	begin := time.Now()
	err := s.run.SaveIfDue(ctx, s.step, nil)
	return time.Since(begin), err
}

// settle waits until the save is durable, and retention done, without another one.
func (s *session) settle(ctx context.Context) (runs.Committed, error) {
	for {
		all, err := s.commits()
		if err == nil && len(all) > 0 && all[len(all)-1].Step == s.step {
			return all[len(all)-1], nil
		}
		if err == nil {
			time.Sleep(time.Millisecond)
			err = s.run.SaveIfDue(ctx, s.step, nil)
		}
		if err != nil {
			return runs.Committed{}, err
		}
	}
}

// close ends the run and removes it.
func (s *session) close() (err error) {
	if s.run != nil {
		err = s.run.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }
