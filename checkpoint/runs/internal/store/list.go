package store

// This file lists what a run has.

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// Entry is one directory of a checkpoint.
type Entry struct {
	ID
	// Manifest is nil where Err says why the checkpoint cannot be used. It must not be
	// changed. From List, it has neither tensors nor Extra.
	Manifest *Manifest
	// Err is a *DamageError, ErrNewerFormat or ErrForeign.
	Err error
	// Abandoned says that the run has gone back behind it. (The head's lineage tells of others.)
	Abandoned bool
	// Pins are the names that the checkpoint was pinned by; Pinned is true also where they cannot be
	// read.
	Pins   []string
	Pinned bool
	// Recorded are metrics that became known after the commit; RecordedErr says why those that there
	// are cannot be read.
	Recorded    map[string]jsonfloat.Float
	RecordedErr error
	// Foreign are files in the directory that are not the checkpoint's. They keep it from being
	// deleted.
	Foreign []string
}

// Metrics are those of the manifest and those recorded later, which go first.
func (e *Entry) Metrics() map[string]jsonfloat.Float {
	all := map[string]jsonfloat.Float{}
	if e.Manifest != nil {
		for name, v := range e.Manifest.Metrics {
			all[name] = v
		}
	}
	for name, v := range e.Recorded {
		all[name] = v
	}
	return all
}

// List returns all checkpoints, oldest first, as the outlines of their manifests describe them: without tensors
// and Extra. Their files are not read. One that disappears meanwhile is left out. An error means that nothing
// can be said: it is the system's.
func (s *Store) List() (entries []Entry, err error) {
	for range maxListings {
		var outrun bool
		if entries, outrun, err = s.list(); err != nil || !outrun {
			break
		}
	}
	return entries, err
}

// maxListings is how often a reader lists a run whose writer deletes faster than it is listed.
const maxListings = 32

// list is List once. outrun reports that the newest has disappeared, for which there must be a newer one that
// is not in the list.
func (s *Store) list() (entries []Entry, outrun bool, err error) {
	names, err := s.root.ReadDir(".")
	if err != nil {
		return nil, false, err
	}
	var ids []ID
	for _, name := range names {
		if id, ok := ParseID(name); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, ID.Compare)
	entries = make([]Entry, len(ids))
	var next atomic.Int64
	group := errgroup.Group{}
	for range min(runtime.GOMAXPROCS(0), len(ids)) {
		group.Go(func() (err error) {
			for i := next.Add(1) - 1; i < int64(len(ids)) && err == nil; i = next.Add(1) - 1 {
				entries[i], err = s.entry(ids[i], decodeOutline)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, false, fmt.Errorf("list %s: %w", s.path, err)
	}
	isGone := func(e Entry) bool { return errors.Is(e.Err, ErrNotFound) }
	outrun = len(entries) > 0 && isGone(entries[len(entries)-1])
	return slices.DeleteFunc(entries, isGone), outrun, nil
}

// Entry describes one checkpoint, or returns ErrNotFound.
func (s *Store) Entry(id ID) (Entry, error) {
	e, err := s.entry(id, decode)
	if err == nil && errors.Is(e.Err, ErrNotFound) {
		return e, e.Err
	}
	return e, err
}

// entry reads the manifest, by decode or decodeOutline, and the small files beside it.
func (s *Store) entry(id ID, decode func([]byte) (*Manifest, error)) (e Entry, err error) {
	e = Entry{ID: id, Abandoned: s.boundary().excludes(id)}
	info, err := s.root.Lstat(id.String())
	switch {
	case isMissing(err):
		e.Err = fmt.Errorf("%w: %s", ErrNotFound, id)
		return e, nil
	case err != nil:
		return e, err
	case !info.IsDir():
		e.Err = &DamageError{ID: id, Detail: fmt.Sprintf("not a directory but %s", info.Mode())}
		return e, nil
	}
	wrong, err := s.readTwice(path.Join(id.String(), ManifestName), maxManifest, func(b []byte) (err error) {
		if e.Manifest, err = decode(b); err == nil {
			err = s.agrees(id, e.Manifest)
		}
		return err
	})
	if isMissing(err) {
		return s.unlisted(e)
	}
	if err != nil {
		return e, err
	}
	if wrong != nil {
		e.Manifest, e.Err = nil, manifestError(id, wrong)
	}
	return e, s.besides(&e)
}

func (s *Store) boundary() *Bound {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bound
}

// unlisted is a directory without a manifest, unless it is gone by now.
func (s *Store) unlisted(e Entry) (Entry, error) {
	_, err := s.root.Lstat(e.String())
	switch {
	case isMissing(err):
		e.Err = fmt.Errorf("%w: %s", ErrNotFound, e.ID)
		return e, nil
	case err != nil:
		return e, err
	}
	e.Err = &DamageError{ID: e.ID, File: ManifestName, Detail: "missing"}
	return e, nil
}

// agrees compares a manifest with the name of its directory and with the run.
func (s *Store) agrees(id ID, m *Manifest) error {
	if m.ID() != id {
		return fmt.Errorf("it is the one of %s", m.ID())
	}
	if run := s.Run(); run != "" && m.Run != run {
		return fmt.Errorf("%w: %s, this one is %s: move it away", ErrForeign, m.Run, run)
	}
	return nil
}

func manifestError(id ID, err error) error {
	if errors.Is(err, ErrNewerFormat) || errors.Is(err, ErrForeign) {
		return fmt.Errorf("%s: %w", id, err)
	}
	return &DamageError{ID: id, File: ManifestName, Detail: err.Error()}
}

// besides finds what else is in the directory.
func (s *Store) besides(e *Entry) error {
	names, err := s.root.ReadDir(e.String())
	if isMissing(err) {
		e.Err = fmt.Errorf("%w: %s", ErrNotFound, e.ID)
		return nil
	}
	if err != nil {
		return err
	}
	e.Pinned = slices.Contains(names, pinName)
	if e.Pinned {
		e.Pins, _ = s.readPins(e.ID) // a pin that cannot be read counts all the same
	}
	if slices.Contains(names, recordedName) {
		e.Recorded, e.RecordedErr = s.recorded(e.ID)
	}
	for _, name := range names {
		if e.Manifest != nil && !e.Manifest.has(name) {
			e.Foreign = append(e.Foreign, name)
		}
	}
	return nil
}

// has reports whether name is a file of a checkpoint.
func (m *Manifest) has(name string) bool {
	_, listed := m.Files[name]
	return listed || slices.Contains(reserved, name) || isPinTemp(name)
}

// Head returns the newest checkpoint that can be used, nil where there is none, and those on its
// lineage, oldest first, itself the last.
func Head(entries []Entry) (head *Entry, lineage []Entry) {
	for i := range entries {
		if entries[i].Manifest != nil && !entries[i].Abandoned {
			head = &entries[i]
		}
	}
	if head == nil {
		return nil, nil
	}
	for _, e := range entries {
		if e.Manifest != nil && head.Manifest.OnLineage(e.ID) {
			lineage = append(lineage, e)
		}
	}
	return head, lineage
}

// An Inode is a file on the disk, which may have several names.
type Inode struct {
	ID    uint64 // among those of one call
	Bytes int64
}

// SameFiles returns the files of each entry, those that are one file on the disk under one ID.
func (s *Store) SameFiles(entries []Entry) ([][]Inode, error) {
	all := make([][]Inode, len(entries))
	known := map[int64][]fs.FileInfo{} // by size
	ids := map[int64][]uint64{}
	next := uint64(0)
	for i, e := range entries {
		for name, f := range e.Manifest.Files {
			info, err := s.root.Lstat(path.Join(e.String(), name))
			if isMissing(err) {
				continue // it is damage, which reading it will tell
			}
			if err != nil {
				return nil, err
			}
			at := slices.IndexFunc(known[f.Size], func(k fs.FileInfo) bool { return s.fsys.SameFile(k, info) })
			if at < 0 {
				at = len(known[f.Size])
				known[f.Size] = append(known[f.Size], info)
				ids[f.Size] = append(ids[f.Size], next)
				next++
			}
			all[i] = append(all[i], Inode{ids[f.Size][at], info.Size()})
		}
	}
	return all, nil
}

// Traces are names that show that there were checkpoints: those set aside, and all that begin as
// those of checkpoints do and are none.
func (s *Store) Traces() ([]string, error) {
	names, err := s.root.ReadDir(".")
	return slices.DeleteFunc(names, func(name string) bool {
		_, is := ParseID(name)
		return is || !strings.HasPrefix(name, stepPrefix) && !strings.HasPrefix(name, damagedPrefix+stepPrefix)
	}), err
}
