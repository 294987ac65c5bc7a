package faulty

// This file is a tree of names as a cut leaves it, flattened so that one tree can be filled
// with many contents, told from others and made a disk of, at the cost of its few files.

import (
	"io/fs"
	"maps"
	"slices"
)

// shape is the names that a cut leaves. A file with two names is one node.
type shape struct {
	nodes   []*inode  // the root first; each in the order in which its first name comes up
	entries [][]entry // of each node that is a directory, by name
}

type entry struct {
	name string
	node int // its number in nodes
}

// shapeOf is the durable tree under root with the kept changes applied.
func shapeOf(root *inode, kept []*change) *shape {
	s := &shape{}
	s.add(root, kept, map[*inode]int{})
	return s
}

// add enters n and what is below it, and returns its number.
func (s *shape) add(n *inode, kept []*change, numbers map[*inode]int) int {
	if number, ok := numbers[n]; ok {
		return number
	}
	number := len(s.nodes)
	numbers[n] = number
	s.nodes = append(s.nodes, n)
	s.entries = append(s.entries, nil)
	if !n.isDir() {
		return number
	}
	names := n.after(kept)
	list := make([]entry, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		list = append(list, entry{name, s.add(names[name], kept, numbers)})
	}
	s.entries[number] = list
	return number
}

// after is the durable entries of a directory with the kept changes applied.
func (n *inode) after(kept []*change) map[string]*inode {
	names, own := n.durable, false
	for _, c := range kept {
		if c.dir != n {
			continue
		}
		if !own {
			names, own = maps.Clone(names), true
		}
		c.apply(names)
	}
	return names
}

// outcome is what a cut leaves of one node beside names.
type outcome struct {
	mode  fs.FileMode
	bytes []byte // of a file; shared, so not to be written to
	sum   digest // of bytes
}

// build makes the tree, with these outcomes of the nodes, all of it durable.
func (s *shape) build(outcomes []outcome) *inode {
	made := make([]inode, len(s.nodes))
	for i, n := range s.nodes {
		o := &outcomes[i]
		made[i] = inode{mode: o.mode, diskMode: o.mode, target: n.target}
		switch {
		case n.isDir():
			entries := make(map[string]*inode, len(s.entries[i]))
			for _, e := range s.entries[i] {
				entries[e.name] = &made[e.node]
			}
			made[i].entries, made[i].durable = entries, maps.Clone(entries)
		case n.file != nil:
			made[i].file = newContent(o.bytes, &o.sum)
		}
	}
	return &made[0]
}
