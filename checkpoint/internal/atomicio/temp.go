package atomicio

// This file is temporary files: how they are called, who owns one, and when one is
// dead. The owner is whoever holds the lock; the kernel takes it from a dead process.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// maxTries is how many names are tried. One is taken only when another writer on the
// same target starts in the same microseconds.
const maxTries = 100

// errTaken says that a name went to somebody else: use another one.
var errTaken = errors.New("the temporary name was taken")

// temp is a temporary file that this process owns.
type temp struct {
	fsys fsys.FS
	name string
	// owner holds the lock, and is open until the file has its final name. It is nil for
	// a file in a folder that is locked.
	owner fsys.File
	data  fsys.File // takes the writes; nil once closed
}

func makeTemp(fsx fsys.FS, t target) (*temp, error) {
	for range maxTries {
		tmp, err := tryTemp(fsx, t.dir+tempName(t.base), t.perm)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("directory %q: %w", t.dirPath(), err)
		}
		if !errors.Is(err, errTaken) {
			return tmp, err
		}
	}
	return nil, fmt.Errorf("%w %d times", errTaken, maxTries)
}

// tryTemp makes the file, locks it, and opens it a second time by name. Between making
// and locking, somebody may have found it unlocked and be removing it, so it is ours only
// if after the lock the name still leads to it.
func tryTemp(fsx fsys.FS, name string, perm fs.FileMode) (*temp, error) {
	owner, err := fsx.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if errors.Is(err, fs.ErrExist) {
		return nil, errTaken
	}
	if err != nil {
		return nil, err
	}
	tmp := &temp{fsys: fsx, name: name, owner: owner}
	switch err := tmp.claim(); {
	case err == nil:
		return tmp, nil
	case errors.Is(err, errTaken):
		return nil, errors.Join(err, owner.Close()) // the other one removes it
	default:
		return nil, also(err, tmp.discard())
	}
}

func (t *temp) claim() error {
	ok, err := t.owner.TryLock()
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if err == nil && !ok {
		return errTaken
	}
	t.data, err = t.fsys.OpenFile(t.name, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return errTaken
	}
	if err != nil {
		return err
	}
	return t.checkSame()
}

func (t *temp) checkSame() error {
	same, err := t.same(t.owner, t.data)
	if err == nil && !same {
		return errors.Join(errTaken, t.closeData())
	}
	return err
}

// same reports whether two handles that were opened by name are of one file.
func (t *temp) same(a, b fsys.File) (bool, error) {
	x, err := a.Stat()
	if err != nil {
		return false, err
	}
	y, err := b.Stat()
	return err == nil && t.fsys.SameFile(x, y), err
}

// openDirect opens the file once more, for direct writes.
func (t *temp) openDirect() (f fsys.File, align int, err error) {
	f, align, err = t.fsys.OpenDirect(t.name, os.O_WRONLY)
	if err != nil {
		return nil, 0, err
	}
	same, err := t.same(t.data, f)
	if err == nil && !same {
		err = errTaken
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, align, nil
}

func (t *temp) closeData() error {
	if t.data == nil {
		return nil
	}
	err := t.data.Close()
	t.data = nil // closed also when Close fails
	return err
}

// discard removes the file and closes both handles, the lock last. A file that is gone
// already is what was wanted.
func (t *temp) discard() error {
	err := t.fsys.Remove(t.name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return errors.Join(err, t.closeData(), t.closeOwner())
}

func (t *temp) closeOwner() error {
	if t.owner == nil {
		return nil
	}
	return t.owner.Close()
}

// removeDead removes what dead writers left of the same target. It comes before the new
// file is made, because a full disk may need the room. Failures are passed over: a
// leftover harms nothing, and whatever is really wrong with the directory is about to
// stop makeTemp.
func removeDead(fsx fsys.FS, t target) {
	names, err := fsx.ReadDir(t.dirPath())
	if err != nil {
		return
	}
	for _, name := range names {
		if isTempOf(name, t.base) {
			removeIfDead(fsx, t.dir+name)
		}
	}
}

// removeIfDead removes a temporary file whose lock it can take, and holds the lock until
// that is done. The name cannot come to mean another file meanwhile: names are not used
// twice. If it means none any more, because the writer has just renamed it, then the lock
// is of the new target, for a moment, and removing the name fails.
func removeIfDead(fsx fsys.FS, name string) {
	info, err := fsx.Lstat(name)
	if err != nil || !info.Mode().IsRegular() {
		return
	}
	flag := os.O_RDWR // some network file systems lock only what is open for writing
	if info.Mode().Perm()&0o200 == 0 {
		flag = os.O_RDONLY
	}
	f, err := fsx.OpenFile(name, flag, 0)
	if err != nil {
		return
	}
	defer f.Close() // nothing was written through it
	if ok, err := f.TryLock(); err == nil && ok {
		_ = fsx.Remove(name) // see removeDead
	}
}
