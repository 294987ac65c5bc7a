package store

// This file keeps a run to one writer: the lock while it lives, the claim for good.

import (
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
	Since time.Time `json:"since"` // by its clock
}

func (s *Store) self() Holder {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown" // it is for messages only
	}
	return Holder{PID: os.Getpid(), Host: host, Since: s.opts.Now()}
}

// maxHolder is the most that is read of a lock or a claim, in bytes.
const maxHolder = 4096

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
	if err := s.learnRun(); err != nil {
		return err
	}
	for range maxClaims {
		names, err := s.root.ReadDir(".")
		if err != nil {
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
	h := s.self()
	h.Run = s.Run()
	b, err := json.Marshal(h)
	if err != nil {
		return err
	}
	f, err := s.root.OpenFile(claimName(g), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	if err := writeSynced(f, b); err != nil {
		return err
	}
	return s.root.SyncDir(".")
}

// writeSynced writes a small file whole, and closes it.
func writeSynced(f fsys.File, b []byte) error {
	_, err := f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// learnRun finds the run's name: the newest claim or checkpoint that can be read has it. A writer
// gives a new run one.
func (s *Store) learnRun() error {
	names, err := s.root.ReadDir(".")
	if err != nil {
		return err
	}
	run := s.claimedRun(names)
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
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
	return nil
}

// claimedRun is what the newest claim says, "" where there is none or it was never finished.
func (s *Store) claimedRun(names []string) string {
	g := highestClaim(names)
	if g == 0 {
		return ""
	}
	f, err := s.root.OpenFile(claimName(g), os.O_RDONLY, 0)
	if err != nil {
		return ""
	}
	defer f.Close() // nothing was written through it
	return readHolder(f).Run
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
