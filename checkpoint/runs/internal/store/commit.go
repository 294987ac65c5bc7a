package store

// This file makes checkpoints appear: everything that can fail happens under a temporary name,
// then one rename, then its confirmation.

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"time"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A Pending is a checkpoint in the making, invisible to everybody else. It is for one goroutine. The
// caller must call Close in the end, also after Commit.
type Pending struct {
	s        *Store
	id       ID
	dir      string             // the temporary name
	info     fs.FileInfo        // of the directory
	files    map[string]*inFile // those reserved
	done     map[string]*File   // those that are whole, and synced or unsynced
	unsynced []unsynced         // in the order in which they were written
	linked   []string           // those that are files of another checkpoint
	lineage  Lineage
	from     string
	closed   bool
	began    time.Time
}

// An inFile is a file that has its room and is to be written.
type inFile struct {
	file   fsys.File
	size   int64
	excess bool // size is less than was reserved
}

// An unsynced file is written and still open, because its sync has next to nothing to write: of several
// that come together, only the first one costs a file system much.
type unsynced struct {
	name string
	file fsys.File
	size int64
}

// manifestRoom is what is reserved for the manifest beside its tensors, in bytes.
const manifestRoom = 64 << 10

// Begin begins a checkpoint of that step, which must come after the newest one, and reserves the room for
// its files, of the given sizes, and for their manifest, of which that many bytes are for tensors (see
// TensorRoom). A full disk is a *SpaceError now, before any
// data exists. Nothing is left behind by an error.
func (s *Store) Begin(step int64, files map[string]int64, manifest int64) (*Pending, error) {
	s.changing.Lock()
	p, err := s.begin(step, files, manifest)
	if err != nil {
		s.changing.Unlock()
		return nil, fmt.Errorf("begin checkpoint of step %d: %w", step, s.orFenced(err))
	}
	return p, nil
}

func (s *Store) begin(step int64, files map[string]int64, manifest int64) (*Pending, error) {
	for name := range files {
		if err := checkFileName(name); err != nil {
			return nil, err
		}
	}
	if err := s.checkClaim(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	settled, last, id, lineage := s.settled, s.last, ID{s.generation, step}, slices.Clone(s.lineage)
	s.mu.Unlock()
	if !settled {
		return nil, errors.New("nothing says yet what the run goes on from")
	}
	if step <= last || step < 0 {
		return nil, fmt.Errorf("%w: %d after %d", ErrStep, step, last)
	}
	manifest += manifestRoom
	p, err := s.newPending(id, lineage, room(files, manifest))
	if err != nil {
		return nil, err
	}
	if err := p.reserve(files, manifest); err != nil {
		discarded := p.discard() // first, for what it holds is free
		return nil, errors.Join(s.full(err, room(files, manifest)), discarded)
	}
	return p, nil
}

// Full reports whether Begin would find the disk full, as far as the system tells in advance: quotas and
// other programs may still be in the way. It takes microseconds, and changes nothing.
func (s *Store) Full(files map[string]int64, manifest int64) bool {
	const margin = 1 << 20 // for what a file system needs to find files again, in bytes
	free, err := s.root.Free(".")
	return err == nil && free < room(files, manifest+manifestRoom)+margin
}

// room is how many bytes files and a manifest take.
func room(files map[string]int64, manifest int64) int64 {
	for _, size := range files {
		manifest += size
	}
	return manifest
}

// newPending makes the temporary directory of what will need that many bytes.
func (s *Store) newPending(id ID, lineage Lineage, need int64) (*Pending, error) {
	var random [8]byte
	_, _ = rand.Read(random[:]) // never fails
	p := &Pending{
		s: s, id: id, lineage: lineage, began: s.opts.Now(),
		dir:   tempName(id.Generation, hex.EncodeToString(random[:])),
		files: map[string]*inFile{}, done: map[string]*File{},
	}
	err := s.root.Mkdir(p.dir, 0o777)
	if err == nil {
		p.info, err = s.root.Lstat(p.dir)
	}
	if err != nil {
		return nil, errors.Join(s.full(err, need), p.discard())
	}
	return p, nil
}

// reserve makes the files, and gives each its room.
func (p *Pending) reserve(files map[string]int64, manifest int64) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := p.create(name, files[name]); err != nil {
			return err
		}
	}
	return p.create(ManifestName, manifest)
}

func (p *Pending) create(name string, size int64) error {
	f, err := p.s.root.OpenFile(p.path(name), createFlags, 0o666)
	if err != nil {
		return err
	}
	p.files[name] = &inFile{file: f, size: size}
	return f.Reserve(size)
}

func (p *Pending) path(name string) string { return path.Join(p.dir, name) }

// full makes a *SpaceError of the error of a full disk.
func (s *Store) full(err error, need int64) error {
	if !isFull(err) || errors.Is(err, ErrNoSpace) {
		return err
	}
	free, freeErr := s.root.Free(".")
	if freeErr != nil {
		free = -1
	}
	return &SpaceError{Need: need, Free: free, Err: err}
}

// ID is what the checkpoint will be called.
func (p *Pending) ID() ID { return p.id }

// Data is the content of a file, in memory.
type Data struct {
	Bytes []byte
	// Late is how many of the first bytes are right only when Finish has returned.
	Late int
	// Finish, if not nil, is called once, beside the writing of all other bytes. It returns the
	// checksum of the file and of the tensors in it.
	Finish func(ctx context.Context) (Sum, map[string]*Tensor, error)
}

// Write gives a file that was reserved its bytes. They are durable after Commit. Bytes that begin at a multiple of
// 4096 go straight to the disk, where the system and the file system can, and then as much memory as makes
// their number a multiple of 4096 must be readable behind them: see fsys.NewBuffer. ctx ends
// it between pieces; the error is then the context's cause.
func (p *Pending) Write(ctx context.Context, name string, d Data) error {
	f := p.files[name]
	if f == nil {
		return fmt.Errorf("write %s of %s: it was not reserved", name, p.id)
	}
	if int64(len(d.Bytes)) != f.size {
		return fmt.Errorf("write %s of %s: %d bytes, %d were reserved", name, p.id, len(d.Bytes), f.size)
	}
	delete(p.files, name)
	w := &fileWriter{p: p, name: name, file: f.file, data: d, excess: f.excess}
	entry, err := w.run(ctx)
	if err != nil {
		return p.unwritten(name, f.size, errors.Join(err, f.file.Close()))
	}
	p.done[name] = entry
	p.unsynced = append(p.unsynced, unsynced{name, f.file, f.size})
	if !w.onDisk() && len(d.Bytes) >= directFrom {
		return p.sync() // now, or the page cache would fill with file after file
	}
	return nil
}

func (p *Pending) unwritten(name string, size int64, err error) error {
	return fmt.Errorf("write %s of %s: %w", name, p.id, p.s.orFenced(p.s.full(err, size)))
}

// sync makes durable what was written, and closes it.
func (p *Pending) sync() error {
	for len(p.unsynced) > 0 {
		f := p.unsynced[0]
		p.unsynced = p.unsynced[1:]
		if err := errors.Join(f.file.Sync(), f.file.Close()); err != nil {
			return p.unwritten(f.name, f.size, err)
		}
	}
	return nil
}

// Link gives the checkpoint a file of another one, which was read back in this process: a second name
// for the same bytes, or a copy where files cannot have one. The file was reserved with Begin only
// if it might have to be written.
func (p *Pending) Link(name string, from Entry) error {
	entry, ok := from.Manifest.Files[name]
	if !ok {
		return fmt.Errorf("link %s of %s: %s has none", name, p.id, from.ID)
	}
	if !p.s.isRead(from.ID, name) {
		return fmt.Errorf("link %s of %s: that of %s was not read back", name, p.id, from.ID)
	}
	if err := p.dropReserved(name); err != nil {
		return fmt.Errorf("link %s of %s: %w", name, p.id, err)
	}
	old := path.Join(from.String(), name)
	err := p.s.root.Link(old, p.path(name))
	if errors.Is(err, errors.ErrUnsupported) {
		err = p.copy(old, name, entry.Size)
	}
	if err == nil {
		err = p.checkLinked(name, entry)
	}
	if err != nil {
		return fmt.Errorf("link %s of %s: %w", name, p.id, p.s.orFenced(p.s.full(err, entry.Size)))
	}
	p.done[name] = entry
	p.linked = append(p.linked, name)
	return nil
}

// dropReserved gives up the room for a file that will be a link.
func (p *Pending) dropReserved(name string) error {
	f := p.files[name]
	if f == nil {
		return nil
	}
	delete(p.files, name)
	return errors.Join(f.file.Close(), p.s.root.Remove(p.path(name)))
}

func (p *Pending) copy(old, name string, size int64) error {
	src, err := p.s.root.OpenFile(old, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer src.Close() // nothing was written through it
	dst, err := p.s.root.OpenFile(p.path(name), createFlags, 0o666)
	if err != nil {
		return err
	}
	err = dst.CopyRange(0, src, 0, size)
	if err == nil {
		err = dst.Sync()
	}
	return errors.Join(err, dst.Close())
}

// checkLinked sees that what has the new name is the file that was meant.
func (p *Pending) checkLinked(name string, want *File) error {
	info, err := p.s.root.Lstat(p.path(name))
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() || info.Size() != want.Size {
		return fmt.Errorf("the file has %d bytes and mode %s, want %d bytes", info.Size(), info.Mode(), want.Size)
	}
	return nil
}

// Commit writes the manifest, of which the caller gives Kind, Metrics and Extra, and makes the
// checkpoint appear. When it returns nil, the checkpoint survives a power cut. ErrUnconfirmed
// says that it is there, or that nobody can look, and that it may not survive one, or may not be this
// writer's to make; after ErrFenced it may be there, and is not on the lineage of the writer that took over;
// after any other error it is not there.
func (p *Pending) Commit(ctx context.Context, m *Manifest) (Entry, error) {
	e, err := p.commit(ctx, m)
	if err != nil {
		err = fmt.Errorf("commit %s: %w", p.id, p.s.orFenced(err))
	}
	return e, errors.Join(err, p.Close())
}

func (p *Pending) commit(ctx context.Context, m *Manifest) (Entry, error) {
	p.fill(m)
	if err := p.finish(ctx, m); err != nil {
		return Entry{}, err
	}
	if err := p.s.checkClaim(); err != nil {
		return Entry{}, err
	}
	// Commit point: before, there is no such checkpoint; after, there is.
	if err := p.appear(); err != nil {
		return Entry{}, err
	}
	err := p.s.root.SyncDir(".")
	if err == nil {
		// A writer that came between the check and the rename may not have seen it.
		err = p.s.checkClaim()
	}
	switch {
	case errors.Is(err, ErrFenced):
		return Entry{}, err
	case err != nil:
		return Entry{}, fmt.Errorf("%w: %w", ErrUnconfirmed, err)
	}
	for _, name := range p.linked {
		p.s.noteRead(p.id, name)
	}
	return Entry{ID: p.id, Manifest: m}, nil
}

// fill gives m all that the caller does not.
func (p *Pending) fill(m *Manifest) {
	m.Format, m.Run = Format, p.s.Run()
	m.Step, m.Generation, m.Lineage, m.RestoredFrom = p.id.Step, p.id.Generation, p.lineage, p.from
	m.Time, m.Files = p.began.UTC().Round(0), p.done
}

// moveOn remembers the newest step of this generation.
func (s *Store) moveOn(id ID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = id.Step
}

// finish writes the manifest and makes the directory durable.
func (p *Pending) finish(ctx context.Context, m *Manifest) error {
	f := p.files[ManifestName]
	if len(p.files) > 1 || f == nil {
		return fmt.Errorf("of the files that were reserved, %d were not written", len(p.files)-1)
	}
	b, err := m.encode()
	if err != nil {
		return err
	}
	f.size, f.excess = int64(len(b)), true
	if err := p.Write(ctx, ManifestName, Data{Bytes: b}); err != nil {
		return err
	}
	delete(p.done, ManifestName) // it does not list itself
	if err := p.sync(); err != nil {
		return err
	}
	return p.s.root.SyncDir(p.dir)
}

// appear gives the checkpoint its name. A rename that returns an error may have happened all the same: over
// a network the answer can get lost.
func (p *Pending) appear() error {
	err := p.s.root.RenameNew(p.dir, p.id.String())
	if err != nil {
		there, unseen := p.s.root.Lstat(p.id.String())
		switch {
		case unseen != nil && !isMissing(unseen):
			p.s.moveOn(p.id)
			return fmt.Errorf("%w, or is not: %w, and nobody can look: %w", ErrUnconfirmed, err, unseen)
		case unseen != nil || !p.s.fsys.SameFile(there, p.info):
			return err
		}
	}
	p.closed = true
	p.s.moveOn(p.id)
	return nil
}

// Close gives the checkpoint up unless it was committed, and removes what there is of it. When
// called again, it does nothing.
func (p *Pending) Close() error {
	if p.files == nil {
		return nil
	}
	defer p.s.changing.Unlock()
	return p.discard()
}

func (p *Pending) discard() (err error) {
	for _, f := range p.files {
		err = errors.Join(err, f.file.Close())
	}
	for _, f := range p.unsynced {
		err = errors.Join(err, f.file.Close())
	}
	p.files, p.unsynced = nil, nil
	if p.closed {
		return err
	}
	return errors.Join(err, p.s.removeTree(p.dir))
}

// removeTree removes a flat directory of ours. A link that somebody laid in its place goes, and
// nothing that is behind it.
func (s *Store) removeTree(dir string) error {
	info, err := s.root.Lstat(dir)
	if isMissing(err) {
		return nil
	}
	if err == nil && !info.IsDir() {
		return s.root.Remove(dir)
	}
	names, err := s.root.ReadDir(dir)
	for _, name := range names {
		err = errors.Join(err, s.root.Remove(path.Join(dir, name)))
	}
	return cmp.Or(err, s.root.Remove(dir))
}
