package store

// This file reads checkpoints, and compares what it reads with what was written.

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"runtime"
	"slices"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/crc"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A Checkpoint is open for reading. Until Close nothing deletes it, where the file system has locks; what was
// opened through it stays readable in any case on systems other than Windows.
type Checkpoint struct {
	Entry
	s        *Store
	manifest fsys.File
}

// Checkpoint opens a checkpoint whose manifest is good, with a lock that readers share. Errors are
// those of Entry.Err, ErrNotFound, and the system's.
func (s *Store) Checkpoint(id ID) (*Checkpoint, error) {
	f, err := s.openFile(path.Join(id.String(), ManifestName))
	if err != nil {
		return nil, s.whyUnopened(id, err)
	}
	c := &Checkpoint{s: s, manifest: f}
	if err := c.enter(id); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return c, nil
}

// whyUnopened tells damage from absence, and both from what keeps a manifest from being opened.
func (s *Store) whyUnopened(id ID, err error) error {
	e, entryErr := s.Entry(id)
	switch {
	case entryErr != nil:
		return entryErr
	case e.Err != nil:
		return e.Err
	case isMissing(err):
		return fmt.Errorf("%w: %s", ErrNotFound, id) // it came that very moment
	}
	return err
}

func (c *Checkpoint) enter(id ID) error {
	ok, err := c.manifest.TryLockShared()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err == nil && !ok {
		return fmt.Errorf("%w: %s is being deleted", ErrNotFound, id)
	}
	// Whoever deletes it may have been faster than the lock.
	if err := c.stillThere(id); err != nil {
		return err
	}
	if c.Entry, err = c.s.entry(id, decode); err != nil {
		return err
	}
	return c.Err
}

// stillThere returns ErrNotFound if the checkpoint was deleted since it was opened: where there are
// no locks, nothing keeps it from being.
func (c *Checkpoint) stillThere(id ID) error {
	now, err := c.s.root.Lstat(path.Join(id.String(), ManifestName))
	if isMissing(err) {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if err != nil {
		return err
	}
	own, err := c.manifest.Stat()
	if err != nil {
		return err
	}
	if !c.s.fsys.SameFile(now, own) {
		return fmt.Errorf("%w: %s is being replaced", ErrNotFound, id)
	}
	return nil
}

// Close lets go of the checkpoint.
func (c *Checkpoint) Close() error { return c.manifest.Close() }

// Open opens a file of the checkpoint for reading. The caller closes it.
func (c *Checkpoint) Open(name string) (fsys.File, error) {
	if _, ok := c.Manifest.Files[name]; !ok {
		return nil, c.unlistedFile(name)
	}
	f, err := c.s.openFile(path.Join(c.String(), name))
	switch {
	case isMissing(err):
		return nil, c.missing(name)
	case errors.Is(err, errNotFile):
		return nil, c.damage(name, "%v", err)
	}
	return f, err
}

// ReadAll returns the bytes of a file, which must be those of the manifest.
func (c *Checkpoint) ReadAll(name string) (b []byte, err error) {
	want, ok := c.Manifest.Files[name]
	if !ok {
		return nil, c.unlistedFile(name)
	}
	wrong, err := c.s.readTwice(path.Join(c.String(), name), want.Size, func(p []byte) error {
		b = p
		if int64(len(p)) != want.Size {
			return fmt.Errorf("%d bytes, want %d", len(p), want.Size)
		}
		if got := sumOf(p); got != want.CRC {
			return fmt.Errorf("CRC-64/NVME is %s, want %s", got, want.CRC)
		}
		return nil
	})
	switch {
	case isMissing(err):
		return nil, c.missing(name)
	case err != nil:
		return nil, err
	case wrong != nil:
		return nil, c.damage(name, "%v", wrong)
	}
	return b, nil
}

// missing is damage, unless the checkpoint as a whole is gone.
func (c *Checkpoint) missing(name string) error {
	return cmp.Or(c.stillThere(c.ID), error(c.damage(name, "missing")))
}

func (c *Checkpoint) unlistedFile(name string) error {
	return fmt.Errorf("%s has no file %q, but %q", c.ID, name, slices.Sorted(maps.Keys(c.Manifest.Files)))
}

func (c *Checkpoint) damage(file, format string, args ...any) *DamageError {
	return &DamageError{ID: c.ID, File: file, Detail: fmt.Sprintf(format, args...)}
}

// Verify reads all files and compares them with the manifest. What is wrong is read once more, past
// the cache, before it is called a *DamageError; every other error is the system's, or the context's cause.
func (c *Checkpoint) Verify(ctx context.Context) error { return c.verifyAll(ctx, c.VerifyFile) }

func (c *Checkpoint) verifyAll(ctx context.Context, verify func(ctx context.Context, name string) error) error {
	var damage []error
	for _, name := range slices.Sorted(maps.Keys(c.Manifest.Files)) {
		err := verify(ctx, name)
		if err != nil && !errors.Is(err, ErrDamaged) {
			return fmt.Errorf("verify %s: %w", c.ID, err)
		}
		damage = append(damage, err)
	}
	if err := errors.Join(damage...); err != nil {
		return err
	}
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.verified[c.ID] = true
	return nil
}

// VerifyFile is Verify for one file.
func (c *Checkpoint) VerifyFile(ctx context.Context, name string) error {
	err := c.verifyFile(ctx, name)
	if errors.Is(err, ErrDamaged) {
		err = c.verifyFile(ctx, name)
	}
	if err == nil {
		c.s.noteRead(c.ID, name)
	}
	return err
}

// VerifyOnce is VerifyFile, unless the file was read back before, in this process.
func (c *Checkpoint) VerifyOnce(ctx context.Context, name string) error {
	if c.s.isRead(c.ID, name) {
		return nil
	}
	return c.VerifyFile(ctx, name)
}

// verifyFile reads a file once. On damage it has the system forget what it read.
func (c *Checkpoint) verifyFile(ctx context.Context, name string) error {
	f, err := c.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // nothing was written through it
	want := c.Manifest.Files[name]
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() != want.Size {
		return c.damage(name, "%d bytes, want %d", info.Size(), want.Size)
	}
	got, err := sumFile(ctx, f, want.Size)
	if err != nil {
		return err
	}
	if got == want.CRC {
		return nil
	}
	damage := c.damage(name, "CRC-64/NVME is %s, want %s", got, want.CRC)
	if err := c.locate(ctx, f, want, damage); err != nil {
		return err
	}
	return errors.Join(damage, f.Evict())
}

// locate finds the damaged tensor, where it is one only.
func (c *Checkpoint) locate(ctx context.Context, f fsys.File, want *File, damage *DamageError) error {
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(want.Tensors)) {
		t := want.Tensors[name]
		section := io.NewSectionReader(f, t.Range[0], t.Range[1]-t.Range[0])
		got, err := sumFile(ctx, section, section.Size())
		if err != nil {
			return err
		}
		if got != t.CRC {
			bad = append(bad, name)
		}
	}
	if len(bad) == 0 {
		return nil
	}
	damage.Tensor = bad[0]
	damage.Begin, damage.End = want.Tensors[bad[0]].Range[0], want.Tensors[bad[0]].Range[1]
	if len(bad) > 1 {
		damage.Detail += fmt.Sprintf("; and %d more tensors", len(bad)-1)
	}
	return nil
}

func (s *Store) isVerified(id ID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.verified[id]
}

// noteRead notes that a file was read back and is right.
func (s *Store) noteRead(id ID, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.read[id] == nil {
		s.read[id] = map[string]bool{}
	}
	s.read[id][name] = true
}

func (s *Store) isRead(id ID, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.read[id][name]
}

// readPiece is how much a core reads at a time: what it then sums is still in its cache.
const readPiece = 1 << 20

// sumFile reads size bytes and sums them, on all cores.
func sumFile(ctx context.Context, r io.ReaderAt, size int64) (Sum, error) {
	buffers := make([][]byte, min(runtime.GOMAXPROCS(0), pieces(size, readPiece)))
	for i := range buffers {
		buffers[i] = make([]byte, min(size, readPiece))
	}
	return sumPieces(ctx, size, readPiece, buffers, func(b []byte, off int64) error { return readFull(r, b, off) })
}

// sumPieces reads size bytes in pieces and sums them, on one goroutine for each buffer. read fills what it is
// given of one.
func sumPieces(ctx context.Context, size, piece int64, buffers [][]byte, read func(b []byte, off int64) error) (Sum, error) {
	sums := make([]uint64, pieces(size, piece))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for _, b := range buffers {
		group.Go(func() error {
			for k := next.Add(1) - 1; k < int64(len(sums)); k = next.Add(1) - 1 {
				if err := context.Cause(ctx); err != nil {
					return err
				}
				off := k * piece
				p := b[:min(size-off, piece)]
				if err := read(p, off); err != nil {
					return err
				}
				sums[k] = uint64(sumOf(p))
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	var sum uint64 // that of nothing
	for k, part := range sums {
		sum = crc.Join(sum, part, min(size-int64(k)*piece, piece))
	}
	return Sum(sum), nil
}

// pieces is how many there are of a file.
func pieces(size, piece int64) int { return int((size + piece - 1) / piece) }

// readFull fills b from offset off.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := io.ReadFull(io.NewSectionReader(r, off, int64(len(b))), b)
	if err == io.EOF && n == 0 && len(b) > 0 {
		return io.ErrUnexpectedEOF
	}
	if err == io.EOF {
		return nil
	}
	return err
}
