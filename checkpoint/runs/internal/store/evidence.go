package store

// This file keeps states that are not good: for people to look at, never to go on from.

import (
	"context"
	"errors"
	"fmt"
)

const evidencePrefix = "bad-"

func evidenceName(id ID) string { return evidencePrefix + id.String() }

// CommitEvidence is Commit under a name that no checkpoint has. One state is kept for each
// generation; if there is one, the name is "".
func (p *Pending) CommitEvidence(ctx context.Context, m *Manifest) (name string, err error) {
	name, err = p.commitEvidence(ctx, m)
	if err != nil {
		err = fmt.Errorf("keep %s as evidence: %w", p.id, p.s.orFenced(err))
	}
	return name, errors.Join(err, p.Close())
}

func (p *Pending) commitEvidence(ctx context.Context, m *Manifest) (string, error) {
	names, err := p.s.root.ReadDir(".")
	if err != nil {
		return "", err
	}
	for _, name := range names {
		if id, ok := parsePrefixed(name, evidencePrefix); ok && id.Generation == p.id.Generation {
			return "", nil
		}
	}
	p.fill(m)
	if err := p.finish(ctx, m); err != nil {
		return "", err
	}
	if err := p.s.checkClaim(); err != nil {
		return "", err
	}
	name := evidenceName(p.id)
	if err := p.s.root.RenameNew(p.dir, name); err != nil {
		return "", err
	}
	p.closed = true
	return name, p.s.root.SyncDir(".")
}

// requestName is the file with which people ask for a save: `touch save-now`.
const requestName = "save-now"

// TakeRequest reports whether somebody has made the file save-now in the run's directory, and
// removes it.
func (s *Store) TakeRequest() (bool, error) {
	if err := s.writable(); err != nil {
		return false, err
	}
	_, err := s.root.Lstat(requestName)
	if isMissing(err) {
		return false, nil
	}
	if err == nil {
		err = s.root.Remove(requestName)
	}
	if err != nil {
		return false, fmt.Errorf("look for %s: %w", requestName, err)
	}
	return true, nil
}
