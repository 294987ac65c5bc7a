package faulty

// This file is directories between two syncs: a log of changes to entries, of which
// a power cut keeps some.

import "slices"

// change is one entry set or removed, seen by programs and not yet durable.
type change struct {
	dir  *inode
	name string
	node *inode // nil for removed

	// needs is set in the half of a rename that removes the old name: the half that
	// sets the new one. Without it this change cannot last, or the file would be lost
	// from both names.
	needs *change
	// partner is the other half of an exchange, or of the rename of a directory: a cut keeps
	// both or none.
	partner *change
	// settled says that the change is durable, or that a later durable one to the
	// same name has overtaken it.
	settled bool
	// journaled says that it was made before the last SyncDir of whichever directory.
	journaled bool
}

// set changes an entry as programs see it and logs the change.
func (d *Disk) set(dir *inode, name string, node *inode) *change {
	c := &change{dir: dir, name: name, node: node}
	c.apply(dir.entries)
	d.pending = append(d.pending, c)
	return c
}

func (c *change) apply(entries map[string]*inode) {
	if c.node == nil {
		delete(entries, c.name)
		return
	}
	entries[c.name] = c.node
}

// move logs and makes the two halves of a rename.
func (d *Disk) move(from, to place) {
	added := d.set(to.dir, to.base, from.node)
	removed := d.set(from.dir, from.base, nil)
	if from.node.isDir() { // which never has two names, also where files may
		added.partner, removed.partner = removed, added
		return
	}
	removed.needs = added
}

// exchange logs and makes the two halves of an exchange.
func (d *Disk) exchange(a, b place) {
	one := d.set(a.dir, a.base, b.node)
	two := d.set(b.dir, b.base, a.node)
	one.partner, two.partner = two, one
}

// syncDir makes the pending changes of dir durable, and its mode.
func (d *Disk) syncDir(dir *inode) {
	dir.diskMode = dir.mode
	for _, c := range d.pending {
		c.journaled = true
		if c.dir == dir {
			d.settle(c)
		}
	}
	d.pending = slices.DeleteFunc(d.pending, func(c *change) bool { return c.settled })
}

// settle makes c durable, with what it needs. Older changes to the same name are
// overtaken: were they kept by a later cut, they would undo this one.
func (d *Disk) settle(c *change) {
	if c.settled {
		return
	}
	if c.needs != nil {
		d.settle(c.needs)
	}
	for _, older := range d.pending {
		if older == c {
			break
		}
		if older.dir == c.dir && older.name == c.name && !older.settled {
			older.settled = true
			d.settlePartner(older)
		}
	}
	c.apply(c.dir.durable)
	c.settled = true
	d.settlePartner(c)
}

func (d *Disk) settlePartner(c *change) {
	if c.partner != nil {
		d.settle(c.partner)
	}
}
