package store

// This file opens a run: for reading, or as its one writer.

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Options tunes Open and OpenReadOnly.
type Options struct {
	// FS is where the run is. Nil means fsys.OS.
	FS fsys.FS
	// AllowUnlocked opens a run for writing also where the file system knows no locks. The claim
	// then is all that keeps a second writer from doing harm.
	AllowUnlocked bool
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// BytesPerSecond caps how fast checkpoints are written; 0 means no cap.
	BytesPerSecond int64
}

// Store is an open run. Its methods may be called from several goroutines; at most one of those that
// change the run is at work at a time.
type Store struct {
	path     string
	fsys     fsys.FS   // of the system, for the path
	root     fsys.Root // the run's directory, whatever its path is by now
	opts     Options
	readOnly bool
	unlocked bool
	lock     fsys.File   // held by a writer
	lockInfo fs.FileInfo // describes it
	rootInfo fs.FileInfo

	changing sync.Mutex // held by whatever changes the run
	released bool

	mu         sync.Mutex
	run        string                 // "" until there is a checkpoint or a writer
	generation uint64                 // of the claim; 0 for a reader
	bound      *Bound                 // what was abandoned; nil for nothing
	fenced     error                  // why this writer may change nothing any more
	verified   map[ID]bool            // read back as a whole, since they were committed
	read       map[ID]map[string]bool // files of which that is so
	settled    bool                   // what the next checkpoint comes from is known: lineage and last
	lineage    Lineage                // of the checkpoints to come
	last       int64                  // what their steps must be greater than
}

func newStore(path string, o *Options) *Store {
	s := &Store{path: path, verified: map[ID]bool{}, read: map[ID]map[string]bool{}, last: -1}
	if o != nil {
		s.opts = *o
	}
	if s.opts.FS == nil {
		s.opts.FS = fsys.OS
	}
	if s.opts.Now == nil {
		s.opts.Now = time.Now
	}
	s.fsys = s.opts.FS
	return s
}

// Open opens the run at path, an absolute path, for writing. It makes the directory and its parents
// where they are missing and has their names survive a power cut, takes the lock, claims a
// generation, and removes what dead writers left. Errors are *LockedError, ErrNoLocks and those of
// the system.
func Open(path string, o *Options) (_ *Store, err error) {
	s := newStore(path, o)
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open run %s: %w", path, err), s.release())
		}
	}()
	if err := s.makeRoot(); err != nil {
		return nil, err
	}
	if err := s.enter(); err != nil {
		return nil, err
	}
	if err := s.takeLock(); err != nil {
		return nil, err
	}
	if err := s.claim(); err != nil {
		return nil, err
	}
	return s, s.sweep()
}

// OpenReadOnly opens the run at path for reading. It writes nothing, and works on a read-only file
// system and beside a writer.
func OpenReadOnly(path string, o *Options) (*Store, error) {
	s := newStore(path, o)
	s.readOnly = true
	err := s.enter()
	var names []string
	if err == nil {
		names, err = s.root.ReadDir(".")
	}
	if err == nil {
		err = s.learnRun(names)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open run %s: %w", path, err), s.release())
	}
	return s, nil
}

// makeRoot makes the directory with its parents, and syncs what leads to it: also what is there
// already may have been made a moment ago by a process that died before it could.
func (s *Store) makeRoot() error {
	var missing []string
	for dir := s.path; ; dir = filepath.Dir(dir) {
		_, err := s.fsys.Lstat(dir)
		if err == nil {
			break
		}
		if !isMissing(err) || filepath.Dir(dir) == dir {
			return err
		}
		missing = append(missing, dir)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		if err := s.fsys.Mkdir(missing[i], 0o777); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return s.syncParents(len(missing))
}

// syncParents syncs the directories above the root, of which the lowest made are new.
// Others may belong to somebody else, and then cannot have been made by a writer of ours.
func (s *Store) syncParents(made int) error {
	dir, err := s.resolve(s.path)
	if err != nil {
		return err
	}
	for i := 0; filepath.Dir(dir) != dir; i++ {
		dir = filepath.Dir(dir)
		err := s.fsys.SyncDir(dir)
		if err != nil && (i < made || !errors.Is(err, fs.ErrPermission)) {
			return err
		}
	}
	return nil
}

// maxLinks is how many symbolic links in a row may lead to the root.
const maxLinks = 40

// resolve follows symbolic links at the end of path.
func (s *Store) resolve(path string) (string, error) {
	for range maxLinks {
		info, err := s.fsys.Lstat(path)
		if err != nil || info.Mode()&fs.ModeSymlink == 0 {
			return path, err
		}
		target, err := s.fsys.Readlink(path)
		if err != nil {
			return "", err
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return "", &fs.PathError{Op: "open", Path: path, Err: errors.New("too many symbolic links")}
}

// stat describes what path leads to.
func (s *Store) stat(path string) (fs.FileInfo, error) {
	path, err := s.resolve(path)
	if err != nil {
		return nil, err
	}
	return s.fsys.Lstat(path)
}

// enter opens the directory. From here on its path is only looked at to see whether it still
// leads there.
func (s *Store) enter() (err error) {
	if s.root, err = s.fsys.OpenRoot(s.path); err != nil {
		return err
	}
	s.rootInfo, err = s.root.Stat()
	return err
}

// Close lets go of the run. The claim stays: the next one is higher.
func (s *Store) Close() error {
	s.changing.Lock()
	defer s.changing.Unlock()
	s.mu.Lock()
	if s.fenced == nil {
		s.fenced = fs.ErrClosed
	}
	s.mu.Unlock()
	return s.release()
}

func (s *Store) release() (err error) {
	if s.released {
		return nil
	}
	s.released = true
	if s.lock != nil {
		err = s.lock.Close()
	}
	if s.root != nil {
		err = errors.Join(err, s.root.Close())
	}
	return err
}

// Path is the path that the run was opened by.
func (s *Store) Path() string { return s.path }

// Generation is the one claimed, 0 for a reader.
func (s *Store) Generation() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.generation
}

// Run is the name that all checkpoints of the run have in common, "" while there are none.
func (s *Store) Run() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run
}
