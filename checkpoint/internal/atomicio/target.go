package atomicio

// This file finds the file that is to be replaced. Paths are split and joined but never
// cleaned: "link/../f" is beside what link points to, and only the kernel knows where
// that is.

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// maxLinks is how many symbolic links are followed; exactly this many is legal, as on
// Linux.
const maxLinks = 40

// target is where the file will appear: no symbolic link, but for directories on the
// way.
type target struct {
	dir  string // ends in a separator, or is empty for the working directory
	base string
	perm fs.FileMode // for a new file: never more than the old one grants
}

func (t target) path() string { return t.dir + t.base }

func (t target) dirPath() string {
	if t.dir == "" {
		return "."
	}
	return t.dir
}

// findTarget follows path to what is there, which check must let pass, or to where
// nothing is. What is made for the target gets its mode, and with it the bits of owner
// that the work needs.
func findTarget(fsx fsys.FS, path string, isNew, owner fs.FileMode, check func(fs.FileInfo) error) (target, error) {
	for range maxLinks + 1 {
		t, err := split(path)
		if err != nil {
			return target{}, err
		}
		info, err := fsx.Lstat(path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			t.perm = isNew
			return t, nil
		case err != nil:
			return target{}, err
		case info.Mode()&fs.ModeSymlink == 0:
			t.perm = info.Mode().Perm() | owner
			return t, check(info)
		}
		link, err := fsx.Readlink(path)
		if err != nil {
			return target{}, err
		}
		path = follow(t.dir, link)
	}
	return target{}, fmt.Errorf("more than %d symbolic links", maxLinks)
}

func split(path string) (target, error) {
	dir, base := filepath.Split(path)
	switch {
	case base == "" || base == "." || base == "..":
		return target{}, fmt.Errorf("%q does not name a file or folder", path)
	case isReserved(base):
		return target{}, fmt.Errorf("names that end in %q are for temporary files", filepath.Ext(base))
	}
	return target{dir: dir, base: base}, nil
}

// follow returns where a link that lies in dir leads. A link is never empty.
func follow(dir, link string) string {
	if filepath.IsAbs(link) || os.IsPathSeparator(link[0]) {
		return link
	}
	return dir + link
}

// isReserved reports whether a name could be taken for one of ours.
func isReserved(base string) bool {
	return strings.HasSuffix(base, tempSuffix) || strings.HasSuffix(base, retiredSuffix)
}

// checkReplaceable refuses directories, and also pipes and devices: replacing
// /dev/null by a file would be a surprise.
func checkReplaceable(info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return fmt.Errorf("the target is not a regular file but %s", kind(info.Mode()))
}

// checkFolder refuses all but directories.
func checkFolder(info fs.FileInfo) error {
	if info.IsDir() {
		return nil
	}
	return fmt.Errorf("the target is not a directory but %s", kind(info.Mode()))
}

func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeSymlink != 0:
		return "a symbolic link"
	case mode&fs.ModeNamedPipe != 0:
		return "a pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}
