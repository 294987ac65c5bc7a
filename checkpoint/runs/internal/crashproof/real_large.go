package crashproof

// This file kills writers at random moments of saves that take a while.

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"path/filepath"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// largeSize is how many bytes a large checkpoint has.
const largeSize = 8 << 20

// fillLarge makes bytes that are of that step alone.
func fillLarge(b []byte, step int64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], uint64(step)<<32|uint64(i)) //nolint:gosec // steps are small
	}
}

// openNewest opens a run for writing and goes on from its head. next is the step to save.
func openNewest(ctx context.Context, path string, o *store.Options) (s *store.Store, next int64, err error) {
	if s, err = store.Open(path, o); err != nil {
		return nil, 0, err
	}
	entries, err := s.List()
	if err != nil {
		return nil, 0, first(err, s.Close())
	}
	head, _ := store.Head(entries)
	if head, err = s.GoOn(ctx, head); err != nil {
		return nil, 0, first(err, s.Close())
	}
	if head == nil {
		return s, 1, nil
	}
	return s, head.Step + 1, nil
}

// saveOnly saves a checkpoint of one file.
func saveOnly(ctx context.Context, s *store.Store, step int64, b []byte) (store.Entry, error) {
	p, err := s.Begin(step, map[string]int64{weightsFile: int64(len(b))}, 0)
	if err != nil {
		return store.Entry{}, err
	}
	if err := p.Write(ctx, weightsFile, store.Data{Bytes: b}); err != nil {
		return store.Entry{}, first(err, p.Close())
	}
	return p.Commit(ctx, &store.Manifest{Kind: "periodic"})
}

// pruneTo keeps the newest n checkpoints, and those that somebody reads.
func pruneTo(ctx context.Context, s *store.Store, n int) error {
	entries, err := s.List()
	if err != nil || len(entries) <= n {
		return err
	}
	var ids []store.ID
	for _, e := range entries {
		ids = append(ids, e.ID)
	}
	_, err = s.Prune(ctx, ids[:len(ids)-n], ids[len(ids)-n:])
	if errors.Is(err, store.ErrInUse) {
		return nil // the next time
	}
	return err
}

// saveLargeForEver is the writer: it keeps two checkpoints.
func saveLargeForEver(ctx context.Context, dir string, _ []string, out io.Writer) error {
	return saveForEver(ctx, dir, largeSize, out)
}

func saveForEver(ctx context.Context, dir string, size int, out io.Writer) error {
	s, step, err := openNewest(ctx, dir, &store.Options{AllowUnlocked: true})
	if err != nil {
		return err
	}
	b, _, err := fsys.NewBuffer(size) // until the process ends
	if err != nil {
		return first(err, s.Close())
	}
	for ; ctx.Err() == nil; step++ {
		fillLarge(b, step)
		if _, err := fmt.Fprintln(out, "begins", step); err != nil {
			return err
		}
		if _, err := saveOnly(ctx, s, step, b); err != nil {
			return first(err, s.Close())
		}
		fmt.Fprintln(out, "saved", step)
		if err := pruneTo(ctx, s, 2); err != nil {
			return first(err, s.Close())
		}
	}
	return s.Close()
}

// killLargeSaves kills one writer after the other in one run.
func killLargeSaves(ctx context.Context, p *Place, until time.Time, o *Outcome) error {
	dir, err := emptied(p.Dir)
	if err != nil {
		return err
	}
	l := &largeRun{place: p, path: filepath.Join(dir, "run"), rng: p.rng(2), took: 200 * time.Millisecond}
	for o.Tried == 0 || time.Now().Before(until) {
		if err := l.kill(ctx); err != nil {
			return fmt.Errorf("kill %d in %s: %w", o.Tried+1, l.path, err)
		}
		o.Tried++
	}
	o.note("%d saves of %d MiB reported", l.saves, largeSize>>20)
	return removeAll(dir)
}

// A largeRun is a run whose writers are killed.
type largeRun struct {
	place *Place
	path  string
	rng   *rand.Rand
	took  time.Duration // the last save
	saved int64         // the step of the last one that was reported or seen
	begun int64         // and that of the last one that was begun
	saves int           // reported
}

// kill has a writer work for as long as two saves may take, and looks at what it left.
func (l *largeRun) kill(ctx context.Context) error {
	c, err := l.place.start(ctx, "save", l.path)
	if err != nil {
		return err
	}
	wait := time.Duration(l.rng.Int64N(int64(2*l.took) + 1))
	began := time.Now()
	var death *time.Timer
	err = c.each(func(line string) error {
		if death == nil { // it is under way
			began = time.Now()
			death = time.AfterFunc(wait, func() { _ = c.cmd.Process.Kill() }) // unless it is dead already
		}
		return l.hear(line, &began)
	})
	if death != nil {
		death.Stop()
	}
	if err != nil {
		return err
	}
	return l.look(ctx)
}

func (l *largeRun) hear(line string, began *time.Time) error {
	if _, err := fmt.Sscanf(line, "begins %d", &l.begun); err == nil {
		*began = time.Now()
		return nil
	}
	if _, err := fmt.Sscanf(line, "saved %d", &l.saved); err != nil {
		return fmt.Errorf("a writer says %q: %w", line, err)
	}
	l.saves++
	l.took = time.Since(*began)
	return nil
}

// look sees that all checkpoints are whole, and the newest no older than what was reported.
func (l *largeRun) look(ctx context.Context) error {
	s, err := store.OpenReadOnly(l.path, nil)
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	defer s.Close() // nothing was written through it
	entries, err := s.List()
	if err != nil {
		return lawOf("I1", "reading", err)
	}
	var newest int64
	want := make([]byte, largeSize)
	for _, e := range entries {
		newest = max(newest, e.Step)
		fillLarge(want, e.Step)
		if err := holds(ctx, s, e.ID, want); err != nil {
			return err
		}
	}
	if newest < l.saved || newest > l.begun {
		return violated("I4", "the newest checkpoint is of step %d, reported was %d, begun %d", newest, l.saved, l.begun)
	}
	l.saved = newest
	return nil
}

// holds sees that a checkpoint is whole, and that of these bytes.
func holds(ctx context.Context, s *store.Store, id store.ID, want []byte) error {
	c, err := s.Checkpoint(id)
	if err != nil {
		return lawOf("I2", "open "+id.String(), err)
	}
	return same(ctx, c, want)
}

// same is holds for a checkpoint that is open. It closes it.
func same(ctx context.Context, c *store.Checkpoint, want []byte) error {
	defer c.Close() // nothing was written through it
	if err := c.Verify(ctx); err != nil {
		return lawOf("I2", c.ID.String(), err)
	}
	got, err := c.ReadAll(weightsFile)
	if err != nil {
		return lawOf("I2", c.ID.String(), err)
	}
	if !bytes.Equal(got, want) {
		return violated("I2", "%s is whole, but not what was saved", c.ID)
	}
	return nil
}
