package faulty

// This file copies one moment of a disk, for as long as it takes to go through its cuts.

import "maps"

// freezer maps what was copied to its copies.
type freezer struct {
	nodes   map[*inode]*inode
	changes map[*change]*change
}

// freeze returns a disk of which the power can be cut as of d. The memory of files is
// shared, and what programs see is left out.
func (d *Disk) freeze() *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := freezer{map[*inode]*inode{}, map[*change]*change{}}
	out := NewDisk()
	out.root = f.node(d.root)
	out.capacity, out.lacks, out.readOnly = d.capacity, maps.Clone(d.lacks), d.readOnly
	for _, c := range d.pending {
		f.changes[c] = &change{dir: f.node(c.dir), name: c.name, node: f.node(c.node), journaled: c.journaled}
		out.pending = append(out.pending, f.changes[c])
	}
	for _, c := range d.pending { // what is settled is in none of these, and of no concern
		f.changes[c].needs = f.changes[c.needs]
		f.changes[c].partner = f.changes[c.partner]
	}
	return out
}

func (f freezer) node(n *inode) *inode {
	if n == nil || f.nodes[n] != nil {
		return f.nodes[n]
	}
	out := &inode{mode: n.mode, diskMode: n.diskMode, target: n.target}
	f.nodes[n] = out
	if n.file != nil {
		n.file.diskSum() // which is then known to both
		out.file = n.file.share()
	}
	if n.isDir() {
		out.entries, out.durable = map[string]*inode{}, map[string]*inode{}
		for name, child := range n.durable {
			out.durable[name] = f.node(child)
		}
	}
	return out
}
