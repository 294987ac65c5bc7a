package faulty

// This file holds what a name can lead to, and how a path is followed to it.

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"
)

const (
	maxName      = 255 // bytes in one element of a path; exactly this many is legal
	maxLinks     = 40  // symbolic links followed in one path
	maxRootLinks = 8   // the same below a Root
)

// errEscapes is what a Root answers to names that lead out of it.
var errEscapes = errors.New("path escapes from its root")

// inode is a file, a directory or a symbolic link.
type inode struct {
	mode     fs.FileMode // as programs see it
	diskMode fs.FileMode // as it was at the last Sync

	file   *content // set for a file
	target string   // set for a link

	// entries and durable are set for a directory: the names as programs see them,
	// and as the disk has them when nothing pending is kept.
	entries, durable map[string]*inode

	// removed is set for a directory that has no name any more: nothing can be made in it.
	removed bool

	// locks holds the handles that have a lock: true for an exclusive one.
	locks map[*handle]bool
}

func newFile(perm fs.FileMode) *inode {
	return &inode{mode: perm.Perm(), diskMode: perm.Perm(), file: &content{}}
}

func newDir() *inode {
	const mode = fs.ModeDir | 0o755
	return &inode{mode: mode, diskMode: mode, entries: map[string]*inode{}, durable: map[string]*inode{}}
}

func (n *inode) isDir() bool  { return n.entries != nil }
func (n *inode) isLink() bool { return n.mode&fs.ModeSymlink != 0 }

// grants says whether the owner may open n this way.
func (n *inode) grants(access int) bool {
	need := fs.FileMode(0o600)
	switch access {
	case os.O_RDONLY:
		need = 0o400
	case os.O_WRONLY:
		need = 0o200
	}
	return n.mode&need == need
}

func (n *inode) size() int64 {
	if n.file == nil {
		return int64(len(n.target))
	}
	return int64(len(n.file.data))
}

// place is where a path leads. node is nil when the last element does not exist;
// dir is nil when the path ends in the root, "." or "..", which have no entry to
// change.
type place struct {
	dir  *inode
	base string
	node *inode
}

// find is walk for a path that must exist, following a link at its end.
func (d *Disk) find(name string) (place, error) {
	at, err := d.walk(name, true)
	if err == nil && at.node == nil {
		err = syscall.ENOENT
	}
	return at, err
}

// walk follows name; a symbolic link in its last element only if follow is set.
func (d *Disk) walk(name string, follow bool) (place, error) {
	return walk{top: d.root, maxLinks: maxLinks}.to(name, follow)
}

// walk is how names are followed.
type walk struct {
	top      *inode // where all names begin
	maxLinks int    // symbolic links followed in one path
	confined bool   // whether leading out of top is an error
}

func (w walk) to(name string, follow bool) (place, error) {
	if w.confined && (name == "" || isAbs(name)) {
		return place{}, errEscapes
	}
	dirs := []*inode{w.top} // the way down, for ".."
	todo := elements(name)
	for links := 0; len(todo) > 0; {
		elem := todo[0]
		todo = todo[1:]
		here := dirs[len(dirs)-1]
		node := here.entries[elem]
		last := len(todo) == 0
		switch {
		case elem == ".":
		case elem == ".." && len(dirs) == 1 && w.confined:
			return place{}, errEscapes
		case elem == "..":
			dirs = dirs[:max(1, len(dirs)-1)]
		case len(elem) > maxName:
			return place{}, syscall.ENAMETOOLONG
		case node == nil && (!last || here.removed):
			return place{}, syscall.ENOENT
		case node != nil && node.isLink() && (follow || !last):
			if links++; links > w.maxLinks {
				return place{}, syscall.ELOOP
			}
			if isAbs(node.target) {
				if w.confined {
					return place{}, errEscapes
				}
				dirs = dirs[:1]
			}
			todo = append(elements(node.target), todo...)
		case last:
			return place{here, elem, node}, nil
		case !node.isDir():
			return place{}, syscall.ENOTDIR
		default:
			dirs = append(dirs, node)
		}
	}
	return place{node: dirs[len(dirs)-1]}, nil
}

func elements(name string) []string {
	return strings.FieldsFunc(name, isSlash)
}

func isAbs(name string) bool { return name != "" && isSlash(rune(name[0])) }

// isSlash takes both, so that code under test may use path/filepath on Windows.
func isSlash(r rune) bool { return r == '/' || r == '\\' }

// info describes an inode at one moment.
type info struct {
	name string
	size int64
	mode fs.FileMode
	node *inode
}

func (n *inode) info(name string) fs.FileInfo { return info{name, n.size(), n.mode, n} }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return i.node }
