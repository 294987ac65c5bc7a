package crashproof

// This file is how a process that knows nothing finds what to go on from.

import (
	"context"
	"errors"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/store"
)

// newest returns the newest checkpoint that is whole, open, nil where there is none, and the
// damaged ones that were passed over for it.
func newest(ctx context.Context, s *store.Store, entries []store.Entry) (c *store.Checkpoint, skipped []store.ID, err error) {
	var passed []*store.Manifest
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if e.Abandoned || !onAll(passed, e.ID) {
			continue
		}
		c, err := whole(ctx, s, e)
		if err == nil {
			return c, skipped, nil
		}
		if !errors.Is(err, store.ErrDamaged) {
			return nil, nil, err
		}
		if e.Manifest != nil {
			passed = append(passed, e.Manifest)
		}
		skipped = append(skipped, e.ID)
	}
	return nil, skipped, nil
}

func onAll(passed []*store.Manifest, id store.ID) bool {
	for _, m := range passed {
		if !m.OnLineage(id) {
			return false
		}
	}
	return true
}

// whole opens a checkpoint and reads all of it.
func whole(ctx context.Context, s *store.Store, e store.Entry) (*store.Checkpoint, error) {
	if e.Err != nil {
		return nil, e.Err
	}
	c, err := s.Checkpoint(e.ID)
	if err != nil {
		return nil, err
	}
	if err := c.Verify(ctx); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// read is the files of a checkpoint, as far as they are known to be what the manifest says.
func read(c *store.Checkpoint) (state, error) {
	s := state{files: map[string][]byte{}}
	for name := range c.Manifest.Files {
		b, err := c.ReadAll(name)
		if err != nil {
			return state{}, err
		}
		s.files[name] = b
	}
	return s, nil
}
