package pebbleproof

// This file is what Pebble's file system does not tell of a file: which one it is, and who has locked it.

import "io/fs"

// An inode is one file or directory, by whatever name.
type inode struct {
	locks map[*file]bool // exclusive or not, by the handle that has it
}

// inode is that of a path at which there is something.
func (d *disk) inode(name string) *inode {
	n := d.inodes[name]
	if n == nil {
		n = &inode{locks: map[*file]bool{}}
		d.inodes[name] = n
	}
	return n
}

// lock reports whether f has the lock now.
func (n *inode) lock(f *file, exclusive bool) bool {
	delete(n.locks, f)
	for _, alone := range n.locks {
		if alone || exclusive {
			return false
		}
	}
	n.locks[f] = exclusive
	return true
}

// info adds to what Pebble says of a file which one it is.
type info struct {
	fs.FileInfo
	node *inode
}

func (i info) Sys() any { return i.node }

func (i info) Mode() fs.FileMode {
	if i.IsDir() {
		return fs.ModeDir | 0o755
	}
	return 0o644 // Pebble calls them executable
}
