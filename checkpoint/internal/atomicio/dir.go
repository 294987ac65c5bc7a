package atomicio

// This file is the life of a Dir up to its commit: made, filled, given up.
// dir_commit.go makes it appear.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// DirOptions tunes CreateDir. Nil means: the real file system, synced, nothing replaced
// but files of the names that are created.
type DirOptions struct {
	// FS is where the folder is made. Nil means fsys.OS.
	FS fsys.FS
	// NoSync leaves out all syncs, as for files.
	NoSync bool
	// Mine reports whether an entry of the old folder belongs to what is being replaced,
	// and goes with it. Names created in the Dir do in any case. All other entries are
	// carried over. Directories are never Mine. Nil means no others are.
	Mine func(name string) bool
}

// Dir is a folder in the making. Create may be called from several goroutines, and its
// files may be written at the same time; Commit and Close may not run beside anything.
type Dir struct {
	opts   DirOptions
	path   string // as the caller gave it, for messages
	target target
	name   string    // of the folder as long as it is in the making
	lock   fsys.File // of the folder itself; nil where folders cannot be opened
	perm   fs.FileMode
	done   bool // committed or given up

	mu    sync.Mutex
	files []*File // in the order in which they were created
}

// CreateDir begins a folder that Commit will put at path. It resolves symbolic links,
// makes the new folder beside the target, and removes what dead writers left. The
// directory above must exist and be writable. A target that exists and is no directory is
// an error.
//
// The caller must call Close in the end, also after Commit.
func CreateDir(path string, o *DirOptions) (*Dir, error) {
	d := &Dir{path: path}
	if o != nil {
		d.opts = *o
	}
	if d.opts.FS == nil {
		d.opts.FS = fsys.OS
	}
	if err := d.create(); err != nil {
		return nil, fmt.Errorf("create folder %q: %w", path, err)
	}
	return d, nil
}

func (d *Dir) create() (err error) {
	const owner = 0o700 // to fill it
	path := trimSeparators(d.path)
	if d.target, err = findTarget(d.opts.FS, path, 0o777, owner, checkFolder); err != nil {
		return err
	}
	d.removeDead()
	if err := d.makeTemp(); err != nil {
		return err
	}
	if d.perm, err = d.permOfMine(); err != nil {
		return also(err, d.discard())
	}
	return nil
}

// trimSeparators takes away what people put behind the name of a folder.
func trimSeparators(path string) string {
	return strings.TrimRightFunc(path, func(r rune) bool { return r < 0x80 && os.IsPathSeparator(uint8(r)) })
}

// makeTemp makes the folder and locks it. As with files, somebody may find it between the
// two and be removing it, so it is ours only if after the lock the name still leads to it.
func (d *Dir) makeTemp() error {
	for range maxTries {
		d.name = d.target.dir + tempName(d.target.base)
		err := d.opts.FS.Mkdir(d.name, d.target.perm)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("directory %q: %w", d.target.dirPath(), err)
		}
		if err != nil {
			return err
		}
		if err := d.claim(); !errors.Is(err, errTaken) {
			return err
		}
	}
	return fmt.Errorf("%w %d times", errTaken, maxTries)
}

// claim locks the folder, or leaves nothing of it. Where there are no locks, it is claimed
// without.
func (d *Dir) claim() (err error) {
	d.lock, _, err = lockDir(d.opts.FS, d.name)
	if err == nil || errors.Is(err, errTaken) { // then the other one removes it
		return err
	}
	return also(err, d.discard())
}

// Create begins a file in the folder. Its Commit makes it durable and closes it; it
// appears when the Dir is committed, which takes all its files to be. Its Close without
// Commit removes it. Reserve announces its size.
//
// It gets the permission bits of the old folder's file of that name; without one, no more
// than all those grant that the new folder replaces.
func (d *Dir) Create(name string) (*File, error) {
	f, err := d.createFile(name)
	if err != nil {
		return nil, fmt.Errorf("create %q in folder %q: %w", name, d.path, err)
	}
	return f, nil
}

func (d *Dir) createFile(name string) (*File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.done:
		return nil, fs.ErrClosed
	case name == "" || name == "." || name == ".." || name != filepath.Base(name) || isReserved(name):
		return nil, errors.New("not a name for a file in a folder")
	}
	perm, err := d.permOf(name)
	if err != nil {
		return nil, err
	}
	own := join(d.name, name)
	data, err := d.opts.FS.OpenFile(own, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err
	}
	f := &File{
		opts:   Options{FS: d.opts.FS, NoSync: d.opts.NoSync}.withDefaults(),
		path:   filepath.Join(d.path, name),
		target: target{dir: join(d.target.path(), ""), base: name, perm: perm},
		temp:   &temp{fsys: d.opts.FS, name: own, data: data},
		folder: d,
	}
	d.files = append(d.files, f)
	return f, nil
}

// join puts a name behind a folder, without cleaning either.
func join(folder, name string) string { return folder + string(filepath.Separator) + name }

// isMine reports whether an entry of the old folder that is no directory goes with it.
func (d *Dir) isMine(name string) bool {
	return d.opts.Mine != nil && d.opts.Mine(name) || d.created(name)
}

func (d *Dir) created(name string) bool {
	return slices.ContainsFunc(d.files, func(f *File) bool { return f.target.base == name })
}

// join is Commit for a file of a Dir.
func (f *File) join() error {
	if err := f.finish(); err != nil {
		return fmt.Errorf("commit %q: %w", f.path, also(err, f.discard()))
	}
	f.joined = true
	return nil
}

// Close gives the folder up unless it was committed: what was made is removed, and the
// target is as before. After Commit, whatever it returned, and when called again, it does
// nothing.
func (d *Dir) Close() error {
	if d.done {
		return nil
	}
	d.done = true
	if err := d.discard(); err != nil {
		return fmt.Errorf("give up folder %q: %w", d.path, err)
	}
	return nil
}

// discard removes the folder and all that is in it: new files, and second names of old
// ones. The lock goes last.
func (d *Dir) discard() error {
	var errs []error
	for _, f := range d.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(append(errs, removeTree(d.opts.FS, d.name), d.unlock())...)
}

func (d *Dir) unlock() error {
	if d.lock == nil {
		return nil
	}
	return d.lock.Close()
}
