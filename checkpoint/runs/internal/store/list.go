package store

// This file lists what a run has.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
	"github.com/fb777929/kibisis/checkpoint/runs/internal/jsonfloat"
)

// Entry is one directory of a checkpoint.
type Entry struct {
	ID
	// Manifest is nil where Err says why the checkpoint cannot be used. It must not be
	// changed.
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

// List returns all checkpoints, oldest first, as their manifests describe them: their files are
// not read. One that disappears meanwhile is left out. An error means that nothing can be said: it is
// the system's.
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
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		group.Go(func() (err error) {
			entries[i], err = s.entry(id)
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
	e, err := s.entry(id)
	if err == nil && errors.Is(e.Err, ErrNotFound) {
		return e, e.Err
	}
	return e, err
}

// entry reads the manifest and the small files beside it.
func (s *Store) entry(id ID) (e Entry, err error) {
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

// What a file that ought to be small can be instead.
var (
	errTooLong = errors.New("longer than it can be")
	errNotFile = errors.New("not a file")
)

// openFile opens a file for reading, and nothing but a file: a pipe would wait for a writer, and a
// link we never make.
func (s *Store) openFile(name string) (fsys.File, error) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w but %s", errNotFile, info.Mode())
	}
	return s.root.OpenFile(name, os.O_RDONLY, 0)
}

// readSmall reads a file of at most most bytes.
func (s *Store) readSmall(name string, most int64) ([]byte, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written through it
	return readWhole(f, most)
}

// readTwice reads a small file that says itself whether it is right. Where use says that it is not,
// it is read once more, past the cache, before that is believed: wrong is then what use says. err
// is the system's.
func (s *Store) readTwice(name string, most int64, use func([]byte) error) (wrong, err error) {
	f, err := s.openFile(name)
	if errors.Is(err, errNotFile) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written through it
	for range 2 {
		b, err := readWhole(f, most)
		switch {
		case errors.Is(err, errTooLong):
			return err, nil
		case err != nil:
			return nil, err
		}
		if wrong = use(b); wrong == nil {
			return nil, nil
		}
		if err := f.Evict(); err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

func readWhole(f fsys.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: info.Name(), Err: fmt.Errorf("not a file but %s", info.Mode())}
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errTooLong, info.Size(), most)
	}
	b := make([]byte, info.Size())
	return b, readFull(f, b, 0)
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
