package store

// This file takes checkpoints away: for good, or aside.

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Prune deletes checkpoints. keep is what stays of the lineage: before anything goes, one of these must
// have been read back since it was committed, or the newest is now. It returns what was deleted; the
// error has what was not: ErrPinned, ErrInUse, and the system's. If none of keep can be read
// back, nothing is deleted.
func (s *Store) Prune(ctx context.Context, doomed, keep []ID) (deleted []ID, err error) {
	if len(doomed) == 0 {
		return nil, nil
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.readBack(ctx, keep); err != nil {
		return nil, fmt.Errorf("nothing is deleted: %w", s.orFenced(err))
	}
	for _, id := range doomed {
		if slices.Contains(keep, id) {
			return deleted, fmt.Errorf("delete %s: it is to be kept", id)
		}
		if e := s.remove(id); e != nil {
			err = errors.Join(err, fmt.Errorf("delete %s: %w", id, s.orFenced(e)))
			continue
		}
		deleted = append(deleted, id)
	}
	return deleted, err
}

// remove deletes one checkpoint.
func (s *Store) remove(id ID) error {
	if err := s.checkClaim(); err != nil {
		return err
	}
	if err := s.deletable(id); err != nil {
		return err
	}
	lock, err := s.excludeReaders(id)
	if err != nil {
		return err
	}
	err = s.throwAway(id)
	if lock != nil {
		err = errors.Join(err, lock.Close())
	}
	return err
}

// deletable refuses what must stay.
func (s *Store) deletable(id ID) error {
	e, err := s.Entry(id)
	if err != nil {
		return err
	}
	return e.deletable()
}

func (e *Entry) deletable() error {
	switch {
	case e.Err != nil:
		return e.Err
	case e.Pinned:
		return fmt.Errorf("%w by %q", ErrPinned, e.Pins)
	case len(e.Foreign) > 0:
		return fmt.Errorf("%w: it holds files that are not its own: %q", ErrPinned, e.Foreign)
	}
	return nil
}

// excludeReaders takes the lock that readers share. It is nil where there are no locks.
func (s *Store) excludeReaders(id ID) (fsys.File, error) {
	// For writing, because network file systems want that of an exclusive lock.
	f, err := s.root.OpenFile(path.Join(id.String(), ManifestName), os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	ok, err := f.TryLock()
	switch {
	case err == nil && ok:
		return f, nil
	case err == nil:
		err = fmt.Errorf("%w: %s", ErrInUse, id)
	case errors.Is(err, errors.ErrUnsupported) && s.unlocked:
		err = nil
	}
	return nil, errors.Join(err, f.Close())
}

// throwAway removes a checkpoint in steps of which each leaves either all of it under its name or
// nothing.
func (s *Store) throwAway(id ID) error {
	if err := s.emptyTrash(id); err != nil {
		return err
	}
	// A pin that is gone must not come back at a power cut, and bring the checkpoint back with it: the
	// sync of who removed it may have failed.
	if err := s.root.SyncDir(id.String()); err != nil {
		return err
	}
	if err := s.root.RenameNew(id.String(), trashName(id)); err != nil {
		return err
	}
	// A writer that came between the check and the rename may go on from it.
	if err := s.checkClaim(); err != nil {
		return errors.Join(err, s.root.RenameNew(trashName(id), id.String()), s.root.SyncDir("."))
	}
	s.mu.Lock()
	delete(s.verified, id)
	delete(s.read, id)
	s.mu.Unlock()
	// Before the first file goes: a power cut must not bring back the name with half of them.
	if err := s.root.SyncDir("."); err != nil {
		return err
	}
	return s.emptyTrash(id)
}

// emptyTrash removes what throwAway renamed, unless somebody has pinned it meanwhile: then it gets its
// name back, as long as all of it is there.
func (s *Store) emptyTrash(id ID) error {
	trash := trashName(id)
	names, err := s.root.ReadDir(trash)
	if isMissing(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if slices.Contains(names, pinName) {
		begun, err := s.begunToGo(trash)
		if err != nil {
			return err
		}
		if !begun {
			err := s.root.RenameNew(trash, id.String())
			return errors.Join(fmt.Errorf("%w, since a moment ago", ErrPinned), err, s.root.SyncDir("."))
		}
	}
	return s.removeTree(trash)
}

// begunToGo reports that files of a checkpoint in the trash are gone. A pin may be there all the same:
// one whose own removal did not survive a power cut.
func (s *Store) begunToGo(trash string) (bool, error) {
	var m *Manifest
	wrong, err := s.readTwice(path.Join(trash, ManifestName), maxManifest, func(b []byte) (err error) {
		m, err = decode(b)
		return err
	})
	if isMissing(err) {
		return true, nil
	}
	if err != nil || wrong != nil { // damage is for people to look at
		return false, err
	}
	for name := range m.Files {
		_, err := s.root.Lstat(path.Join(trash, name))
		if isMissing(err) {
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	return false, nil
}

// SetAside gives a damaged checkpoint a name that no checkpoint has, for people to look at. It is
// for the time after an older one was restored.
func (s *Store) SetAside(id ID) (name string, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	name = damagedName(id)
	err = s.checkClaim()
	if err == nil {
		err = s.root.RenameNew(id.String(), name)
	}
	if err == nil {
		err = s.root.SyncDir(".")
	}
	if err != nil {
		return "", fmt.Errorf("set %s aside: %w", id, s.orFenced(err))
	}
	return name, nil
}

// sweep removes what dead writers left: directories in the making, trash, claims that a higher
// one stands above. What cannot be removed is left for the next writer; it does no harm.
func (s *Store) sweep() error {
	names, err := s.root.ReadDir(".")
	if err != nil {
		return err
	}
	var left []error
	swept := false
	for _, name := range names {
		sweep := s.broom(name)
		if sweep == nil {
			continue
		}
		swept = true
		if err := sweep(); err != nil && !errors.Is(err, ErrPinned) && !isMissing(err) {
			left = append(left, err)
		}
	}
	if slices.ContainsFunc(left, func(err error) bool { return errors.Is(err, fs.ErrPermission) }) {
		return errors.Join(left...)
	}
	if swept {
		// However many writers die in a row, they leave no more than the last of them did.
		_ = s.root.SyncDir(".") // else the next writer sweeps again
	}
	return s.checkClaim()
}

// broom is what removes a name that a dead writer left, nil for all others.
func (s *Store) broom(name string) func() error {
	if g, ok := parseClaim(name); ok && g < s.Generation() {
		return func() error { return s.root.Remove(name) }
	}
	if g, ok := parseTemp(name); ok && g < s.Generation() {
		return func() error { return s.sweepTemp(name) }
	}
	if id, ok := parseTrash(name); ok {
		return func() error { return s.emptyTrash(id) }
	}
	if strings.HasPrefix(name, trashPrefix+tempPrefix) {
		return func() error { return s.removeTree(name) }
	}
	return nil
}

// sweepTemp takes the name first: without locks its writer may live, and be about to rename it.
func (s *Store) sweepTemp(name string) error {
	if info, err := s.root.Lstat(name); err == nil && !info.IsDir() {
		return s.root.Remove(name)
	}
	gone := trashPrefix + name
	if err := s.root.RenameNew(name, gone); err != nil {
		return err
	}
	return s.removeTree(gone)
}
