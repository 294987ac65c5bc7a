package faulty

// This file is directories between two syncs: a log of changes to entries, of which
// a power cut keeps some.

import (
	"maps"
	"math/rand/v2"
	"slices"
)

// change is one entry set or removed, seen by programs and not yet durable.
type change struct {
	dir  *inode
	name string
	node *inode // nil for removed

	// needs is set in the half of a rename that removes the old name: the half that
	// sets the new one. Without it this change cannot last, or the file would be lost
	// from both names.
	needs *change
	// partner is the other half of an exchange: a cut keeps both or none.
	partner *change
	// settled says that the change is durable, or that a later durable one to the
	// same name has overtaken it.
	settled bool
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

// Crash cuts the power and returns the disk as the next boot finds it: what was
// durable, and of the rest what rng chooses. The same history and the same seed give
// the same disk. d itself stays as it is, so that one moment can be cut many times.
func (d *Disk) Crash(rng *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept := d.keep(rng)
	after := NewDisk()
	after.capacity = d.capacity
	after.root = reboot(d.root, kept, rng, map[*inode]*inode{})
	return after
}

// keep chooses which pending changes last: none, all, or each by the toss of a coin.
func (d *Disk) keep(rng *rand.Rand) []*change {
	odds := []float64{0, 1, 0.5, rng.Float64()}[rng.IntN(4)]
	kept := map[*change]bool{}
	var list []*change
	for i, c := range d.pending {
		lasts := rng.Float64() < odds
		if c.partner != nil && slices.Contains(d.pending[:i], c.partner) {
			lasts = kept[c.partner]
		}
		if c.needs != nil && !c.needs.settled && !kept[c.needs] {
			lasts = false
		}
		if lasts {
			kept[c] = true
			list = append(list, c)
		}
	}
	return list
}

// reboot copies the durable tree under n with the kept changes applied. done maps
// what was copied before, so that a file with two names stays one file.
func reboot(n *inode, kept []*change, rng *rand.Rand, done map[*inode]*inode) *inode {
	if again := done[n]; again != nil {
		return again
	}
	out := &inode{mode: n.diskMode, target: n.target}
	if n.mode != n.diskMode && rng.IntN(2) == 0 {
		out.mode = n.mode
	}
	out.diskMode = out.mode
	done[n] = out
	switch {
	case n.isDir():
		out.entries = rebootEntries(n, kept, rng, done)
		out.durable = maps.Clone(out.entries)
	case n.file != nil:
		data := n.file.cut(rng)
		out.file = &content{data: data, disk: slices.Clone(data)}
	}
	return out
}

// rebootEntries goes through the names in order, so that a seed gives one result.
func rebootEntries(dir *inode, kept []*change, rng *rand.Rand, done map[*inode]*inode) map[string]*inode {
	entries := maps.Clone(dir.durable)
	for _, c := range kept {
		if c.dir == dir {
			c.apply(entries)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		entries[name] = reboot(entries[name], kept, rng, done)
	}
	return entries
}
