package store

// This file keeps a run to one writer: the lock while it lives, the claim for good.

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Holder is a writer, as it introduces itself in the lock and in its claim.
type Holder struct {
	Run   string    `json:"run,omitempty"` // in claims
	PID   int       `json:"pid"`
	Host  string    `json:"host"`
	Since time.Time `json:"since"`           // by its clock
	Bound *Bound    `json:"bound,omitempty"` // in claims
}

// A Bound is what is left of the generations below one: after a rollback, those on its lineage. It
// is in the claim as well as in the manifest of the new head, so that damage to that head
// does not bring back what was abandoned.
type Bound struct {
	Below   uint64  `json:"below"`
	Lineage Lineage `json:"lineage"`
}

// excludes reports whether a checkpoint was abandoned.
func (b *Bound) excludes(id ID) bool {
	return b != nil && id.Generation < b.Below && !b.Lineage.Has(id)
}

func (s *Store) self() Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // it is for messages only
	}
	return Holder{PID: os.Getpid(), Host: host, Since: s.opts.Now()}
}

// What is read of a lock, and of a claim, at most, in bytes.
const (
	maxHolder = 4096
	maxClaim  = 1 << 20
)

// takeLock opens the lock, which is made once and never deleted, and locks it.
func (s *Store) takeLock() error {
	if info, err := s.root.Lstat(lockName); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file but %s", lockName, info.Mode())
	}
	file, err := s.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	s.lock = file
	if s.lockInfo, err = file.Stat(); err != nil {
		return err
	}
	ok, err := file.TryLock()
	switch {
	case errors.Is(err, errors.ErrUnsupported) && s.opts.AllowUnlocked:
		s.unlocked = true
		return nil
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("%w: %w", ErrNoLocks, err)
	case err != nil:
		return err
	case !ok:
		return &LockedError{Path: s.path, Holder: readHolder(file)}
	}
	return s.signLock()
}

// signLock writes who has the lock, for the message of the next one that wants it.
func (s *Store) signLock() error {
	b, err := json.Marshal(s.self())
	if err != nil {
		return err
	}
	if err := s.lock.Truncate(0); err != nil {
		return err
	}
	_, err = s.lock.WriteAt(b, 0)
	return err
}

// readHolder gives the zero Holder where it cannot be read: it may be half written.
func readHolder(r io.ReaderAt) (h Holder) {
	b := make([]byte, maxHolder)
	n, err := r.ReadAt(b, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return Holder{}
	}
	if json.Unmarshal(b[:n], &h) != nil {
		return Holder{}
	}
	return h
}

// maxClaims is how many generations a writer tries that others take before it.
const maxClaims = 16

// claim takes the next generation, durably, and with it the run's name.
func (s *Store) claim() error {
	known := s.Run()
	for range maxClaims {
		names, err := s.root.ReadDir(".")
		if err != nil {
			return err
		}
		if own := s.Generation(); own > 0 && highestClaim(names) > own {
			// A rollback must not take the run back from whoever took it from this writer.
			return cmp.Or(s.checkClaim(), ErrFenced)
		}
		s.setRun(known) // not what it would have been called if nobody had come first
		if err := s.learnRun(names); err != nil {
			return err
		}
		g := highest(names) + 1
		err = s.writeClaim(g)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.generation = g
		s.mu.Unlock()
		return s.checkClaim()
	}
	return fmt.Errorf("%w: others claim every generation first", ErrFenced)
}

func (s *Store) writeClaim(g uint64) error {
	b, err := s.claimText()
	if err != nil {
		return err
	}
	f, err := s.root.OpenFile(claimName(g), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := writeSynced(f, b); err != nil {
		return errors.Join(err, s.root.Remove(claimName(g))) // it would stand above this writer's own
	}
	return s.root.SyncDir(".")
}

// claimText is the claim: a line of JSON and a line with its checksum, because all that comes
// after goes by what a claim says.
func (s *Store) claimText() ([]byte, error) {
	h := s.self()
	s.mu.Lock()
	h.Run, h.Bound = s.run, s.bound
	s.mu.Unlock()
	b, err := json.Marshal(h)
	return fmt.Appendf(b, "\n%s\n", sumOf(b)), err
}

// decodeClaim is the inverse. An error says that the claim was never finished, or is damaged.
func decodeClaim(b []byte) (h Holder, err error) {
	text, sum, _ := bytes.Cut(b, []byte("\n"))
	if string(sum) != sumOf(text).String()+"\n" {
		return h, errors.New("it does not end with its checksum")
	}
	return h, json.Unmarshal(text, &h)
}

// bind has the claim say what was abandoned, in one step.
func (s *Store) bind(b *Bound) error {
	s.mu.Lock()
	s.bound = b
	s.mu.Unlock()
	text, err := s.claimText()
	if err != nil {
		return err
	}
	g := s.Generation()
	temp := tempName(g, "claim")
	f, err := s.root.OpenFile(temp, createFlags, 0o666)
	if err != nil {
		return err
	}
	err = writeSynced(f, text)
	if err == nil {
		err = s.root.Rename(temp, claimName(g))
	}
	if err != nil {
		_ = s.root.Remove(temp) // the next writer does it otherwise
		return err
	}
	return s.root.SyncDir(".")
}

// writeSynced writes a small file whole, and closes it.
func writeSynced(f fsys.File, b []byte) error {
	err := writeAll(f, b, 0)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// learnRun finds the run's name: the newest claim or checkpoint that can be read has it. A writer
// gives a new run one. What is in names must decide, for the claim that follows is of the
// generation above them: else two writers could name one run.
func (s *Store) learnRun(names []string) error {
	claim, err := s.newestClaim(names)
	if err != nil {
		return err
	}
	run := claim.Run
	s.mu.Lock()
	s.bound = claim.Bound
	s.mu.Unlock()
	if run == "" {
		entries, err := s.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.Manifest != nil {
				run = e.Manifest.Run
			}
		}
	}
	if run == "" && !s.readOnly {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails
		run = hex.EncodeToString(b[:])
	}
	s.setRun(run)
	return nil
}

func (s *Store) setRun(run string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
}

// newestClaim is the newest claim that was finished, the zero Holder without one.
func (s *Store) newestClaim(names []string) (h Holder, err error) {
	var newest uint64
	for _, name := range names {
		g, ok := parseClaim(name)
		if !ok || g < newest {
			continue
		}
		var claim Holder
		wrong, err := s.readTwice(name, maxClaim, func(b []byte) (err error) {
			claim, err = decodeClaim(b)
			return err
		})
		if err != nil && !isMissing(err) { // a newer writer removes old ones
			return Holder{}, err
		}
		if err == nil && wrong == nil {
			newest, h = g, claim
		}
	}
	return h, nil
}

// writable returns why nothing may be changed, nil where it may.
func (s *Store) writable() error {
	if s.readOnly {
		return ErrReadOnly
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fenced
}

// checkClaim looks whether the run is still this writer's. Once it is not, it never is again.
func (s *Store) checkClaim() error {
	if err := s.writable(); err != nil {
		return err
	}
	lost, err := s.lost()
	if err != nil {
		return err
	}
	if lost == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fenced = fmt.Errorf("%w: %s", ErrFenced, lost)
	return s.fenced
}

// orFenced adds that the run was lost, if it was, to an error that a name is missing: a writer that
// takes over without locks sweeps away what this one is making.
func (s *Store) orFenced(err error) error {
	if !isMissing(err) {
		return err
	}
	return errors.Join(s.checkClaim(), err)
}

// lost says how the run was lost, "" while it is not.
func (s *Store) lost() (string, error) {
	switch info, err := s.stat(s.path); {
	case isMissing(err):
		return "its directory is gone from " + s.path, nil
	case err != nil:
		return "", err
	case !s.fsys.SameFile(info, s.rootInfo):
		return "another directory is at " + s.path, nil
	}
	switch info, err := s.root.Lstat(lockName); {
	case isMissing(err):
		return "the lock is gone", nil
	case err != nil:
		return "", err
	case !s.fsys.SameFile(info, s.lockInfo):
		return "another lock is in its place", nil
	}
	names, err := s.root.ReadDir(".")
	if err != nil {
		return "", err
	}
	if g := highestClaim(names); g > s.Generation() {
		return fmt.Sprintf("a newer writer has generation %d, this one %d", g, s.Generation()), nil
	}
	return "", nil
}
