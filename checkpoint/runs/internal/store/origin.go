package store

// This file is what the checkpoints to come go on from.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// GoOn says that the next checkpoint comes from e, or from nothing if e is nil. If e is not the head, a new
// head with e's files is committed first, in a generation of its own, so that nobody can take what
// was the head for the newest again: the run is then back at e, and those after e are
// abandoned. e must have been verified. It returns the head, nil without any.
func (s *Store) GoOn(ctx context.Context, e *Entry) (*Entry, error) {
	if err := s.writable(); err != nil {
		return nil, err
	}
	if e == nil {
		s.settle(nil, -1)
		return nil, nil
	}
	entries, err := s.List()
	if err != nil {
		return nil, err
	}
	head, _ := Head(entries)
	switch {
	case head == nil || head.ID != e.ID:
		return s.Rewind(ctx, e)
	case e.Generation == s.Generation(): // this writer's own
		s.settle(e.Manifest.Lineage, e.Step)
	default:
		s.settle(after(e.Manifest), e.Step-1)
	}
	return head, nil
}

func (s *Store) settle(l Lineage, last int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settled, s.lineage, s.last = true, l, last
}

// Rewind commits a new head with the state of e, in a new generation, and goes on from it. After
// ErrUnconfirmed the new head is there; after any error the store does not know what to go on from, until
// GoOn is called again.
func (s *Store) Rewind(ctx context.Context, e *Entry) (*Entry, error) {
	if !s.isVerified(e.ID) {
		return nil, fmt.Errorf("go back to %s: it was not read back", e.ID)
	}
	head, err := s.rewind(ctx, e.ID)
	if err != nil {
		return nil, fmt.Errorf("go back to %s: %w", e.ID, s.orFenced(err))
	}
	return head, nil
}

func (s *Store) rewind(ctx context.Context, id ID) (*Entry, error) {
	s.changing.Lock()
	e, err := s.usable(id)
	if err == nil {
		err = s.renew()
	}
	if err != nil {
		s.changing.Unlock()
		return nil, err
	}
	p, err := s.copyOf(e)
	if err != nil {
		s.changing.Unlock()
		return nil, err
	}
	m := &Manifest{Kind: e.Manifest.Kind, Metrics: e.Metrics(), Extra: e.Manifest.Extra}
	head, err := p.Commit(ctx, m)
	if err != nil {
		return nil, err
	}
	if err := s.bind(&Bound{Below: head.Generation, Lineage: head.Manifest.Lineage}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	s.settle(p.lineage, e.Step)
	s.mu.Lock()
	s.verified[head.ID] = true // by name and size: the bytes are those that were read
	s.mu.Unlock()
	return &head, nil
}

// usable is Entry of a checkpoint that can be used, else an error.
func (s *Store) usable(id ID) (*Entry, error) {
	e, err := s.Entry(id)
	return &e, cmp.Or(err, e.Err)
}

// renew claims a generation above the present one.
func (s *Store) renew() error {
	if err := s.checkClaim(); err != nil {
		return err
	}
	old := s.Generation()
	if err := s.claim(); err != nil {
		return err
	}
	s.mu.Lock()
	s.settled = false // the lineage is not that of the new generation
	s.mu.Unlock()
	return s.root.Remove(claimName(old))
}

// copyOf begins a checkpoint with the files of e.
func (s *Store) copyOf(e *Entry) (*Pending, error) {
	manifest := manifestRoom + e.Manifest.tensorRoom()
	p, err := s.newPending(ID{s.Generation(), e.Step}, after(e.Manifest), manifest)
	if err != nil {
		return nil, err
	}
	p.from = e.String()
	err = p.reserve(nil, manifest)
	for _, name := range slices.Sorted(maps.Keys(e.Manifest.Files)) {
		if err == nil {
			err = p.Link(name, *e)
		}
	}
	if err != nil {
		discarded := p.discard()
		return nil, errors.Join(s.full(err, manifest), discarded)
	}
	return p, nil
}

// tensorRoom is more than what the manifest spends on tensors, in bytes.
func (m *Manifest) tensorRoom() (n int64) {
	for _, f := range m.Files {
		for name := range f.Tensors {
			n += TensorRoom(name)
		}
	}
	return n + int64(len(m.Extra))*2
}

// TensorRoom is more than what a manifest spends on a tensor of that name, in bytes.
func TensorRoom(name string) int64 { return int64(len(name))*6 + 200 }
