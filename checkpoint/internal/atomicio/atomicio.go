package atomicio

// This file is the life of a File up to its commit: made, written, given up.
// commit.go makes it appear.

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// Options tunes Create. Nil means: the real file system, synced, size not known.
type Options struct {
	// FS is where the file is made. Nil means fsys.OS.
	FS fsys.FS
	// NoSync leaves out both syncs. Other programs still see old or new, whole, but
	// after a power cut the file may hold anything.
	NoSync bool
	// Size is the size that the file will have, in bytes; 0 means not known. The room
	// is reserved at once, so that a full disk is an error of Create, and Commit
	// refuses a file of another size.
	Size int64

	// directFrom and block stand in for the constants of direct.go in tests; 0 means
	// those. A block is a multiple of the disk's alignment.
	directFrom int64
	block      int
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = fsys.OS
	}
	if o.directFrom == 0 {
		o.directFrom = directFrom
	}
	if o.block == 0 {
		o.block = blockSize
	}
	return o
}

// File is a file in the making. Writes at offsets that do not overlap may run at the
// same time; Write, Commit and Close may not run beside anything.
//
// A synced file of an announced size of 8 MiB or more takes what Write gets past the page
// cache where it can, through 16 MiB of memory beside the heap that Commit or Close frees.
// The File may then report an error late: at a later call of any kind, Commit at the
// latest.
type File struct {
	opts   Options
	path   string // as the caller gave it, for messages
	target target
	temp   *temp
	pos    int64       // where Write goes on, in bytes
	done   bool        // committed or given up
	folder *Dir        // that the file is part of, or nil
	joined bool        // is ready to appear with its folder
	moved  fs.FileInfo // describes it when it is moved into an existing folder

	direct    *direct // takes what Write gets; nil if it goes the ordinary way
	wasDirect bool    // direct was tried, so that the handle's own offset counts no more

	mu  sync.Mutex
	end int64 // size so far, in bytes
	err error // of the first failed write; the file cannot be committed any more
}

// Create begins a file that Commit will put at path. It resolves symbolic links, makes
// the temporary file beside the target, and removes those that dead writers left. The
// directory must exist. A target that exists and is not a regular file is an error.
//
// The caller must call Close in the end, also after Commit.
func Create(path string, o *Options) (*File, error) {
	f := &File{path: path}
	if o != nil {
		f.opts = *o
	}
	f.opts = f.opts.withDefaults()
	if err := f.create(); err != nil {
		return nil, fmt.Errorf("create %q: %w", path, err)
	}
	return f, nil
}

func (f *File) create() (err error) {
	const owner = 0o200 // the second handle is opened for writing
	if f.target, err = findTarget(f.opts.FS, f.path, 0o666, owner, checkReplaceable); err != nil {
		return err
	}
	removeDead(f.opts.FS, f.target)
	if f.temp, err = makeTemp(f.opts.FS, f.target); err != nil {
		return err
	}
	if f.opts.Size == 0 {
		return nil
	}
	if err := f.reserve(f.opts.Size); err != nil {
		return also(err, f.temp.discard())
	}
	return nil
}

// Reserve announces the size of the file, in bytes, before the first write, as
// Options.Size does where it is known that early: the room is reserved, so that a full
// disk is an error now, and Commit refuses a file of another size.
func (f *File) Reserve(size int64) error {
	if err := f.writable(); err != nil {
		return err
	}
	if err := f.reserve(size); err != nil {
		return fmt.Errorf("%q: %w", f.path, err)
	}
	return nil
}

func (f *File) reserve(size int64) error {
	if size < 0 {
		return fmt.Errorf("size %d is negative", size)
	}
	if err := f.temp.data.Reserve(size); err != nil {
		return fmt.Errorf("reserve %d bytes: %w", size, err)
	}
	f.opts.Size = size
	return nil
}

// Write appends p, and does not keep it. After an error the file cannot be committed; it
// may be the error of an earlier write.
func (f *File) Write(p []byte) (int, error) {
	if err := f.writable(); err != nil {
		return 0, err
	}
	n, err := f.put(p)
	f.pos += int64(n)
	return n, f.wrote(f.pos, n, len(p), err)
}

// WriteAt writes p at byte off, and does not move the place where Write goes on. Bytes
// that nothing wrote are zero. After an error the file cannot be committed.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	if err := f.writable(); err != nil {
		return 0, err
	}
	if err := f.settle(off); err != nil {
		return 0, f.wrote(off, 0, len(p), err)
	}
	n, err := f.temp.data.WriteAt(p, off)
	return n, f.wrote(off+int64(n), n, len(p), err)
}

func (f *File) writable() error {
	if f.done {
		return fmt.Errorf("write %q: %w", f.path, fs.ErrClosed)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return fmt.Errorf("write %q: after %w", f.path, f.err)
	}
	return nil
}

// wrote enters a write of n of want bytes, up to byte end, in the books.
func (f *File) wrote(end int64, n, want int, err error) error {
	if err == nil && n < want {
		err = io.ErrShortWrite
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.end = max(f.end, end)
	if err == nil {
		return nil
	}
	if f.err == nil {
		f.err = fmt.Errorf("a write of %d bytes that failed at %d: %w", want, n, err)
	}
	return fmt.Errorf("write %q: %d of %d bytes: %w", f.path, n, want, err)
}

// Close gives the file up unless it was committed: the temporary is removed and the
// target is as before. After Commit, whatever it returned, and when called again, it
// does nothing, so that `defer f.Close()` is always right.
func (f *File) Close() error {
	if f.done {
		return nil
	}
	f.done = true
	if err := f.discard(); err != nil {
		return fmt.Errorf("give up %q: %w", f.path, err)
	}
	return nil
}

func (f *File) discard() error {
	return errors.Join(f.dropDirect(), f.temp.discard())
}

// also adds an error that happened while cleaning up after err.
func also(err, cleaning error) error {
	if cleaning == nil {
		return err
	}
	return fmt.Errorf("%w; and then: %w", err, cleaning)
}
