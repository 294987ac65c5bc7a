package faulty

// This file goes through the combinations of what a cut keeps.

import "iter"

// combinations are trees and what becomes of their nodes.
type combinations = iter.Seq2[*shape, []outcome]

// enumeration is of one moment of a disk, which does not change meanwhile.
type enumeration struct {
	disk     *Disk
	options  CutOptions
	outcomes map[*inode][]outcome // of nodes, as far as they were asked for
}

// tooMany says whether there are more than Max combinations.
func (e *enumeration) tooMany() bool {
	total := 0
	for kept := range e.kept() {
		product := 1
		for _, n := range shapeOf(e.disk.root, kept).nodes {
			product *= len(e.of(n))
			if product > e.options.Max {
				return true
			}
		}
		if total += product; total > e.options.Max {
			return true
		}
	}
	return false
}

// every goes through every combination. The outcomes are good until the next one.
func (e *enumeration) every() combinations {
	return func(yield func(*shape, []outcome) bool) {
		for kept := range e.kept() {
			s := shapeOf(e.disk.root, kept)
			if !e.fill(s, s.durable(), 0, yield) {
				return
			}
		}
	}
}

// fill goes through the outcomes of nodes i and up.
func (e *enumeration) fill(s *shape, list []outcome, i int, yield func(*shape, []outcome) bool) bool {
	for ; i < len(list); i++ {
		choices := e.of(s.nodes[i])
		if len(choices) == 1 {
			list[i] = choices[0]
			continue
		}
		for _, list[i] = range choices {
			if !e.fill(s, list, i+1, yield) {
				return false
			}
		}
		return true
	}
	return yield(s, list)
}

func (e *enumeration) of(n *inode) []outcome {
	list, ok := e.outcomes[n]
	if !ok {
		list = n.outcomes()
		e.outcomes[n] = list
	}
	return list
}

// random is Max combinations, among which any can be.
func (e *enumeration) random() combinations {
	rng := e.options.RNG
	return func(yield func(*shape, []outcome) bool) {
		for range e.options.Max {
			var kept []*change
			if e.options.Model == Ordered {
				ends := e.disk.prefixes()
				kept = e.disk.pending[:ends[rng.IntN(len(ends))]]
			} else {
				kept = e.disk.keep(rng)
			}
			s := shapeOf(e.disk.root, kept)
			if !yield(s, s.draw(rng)) {
				return
			}
		}
	}
}

// kept goes through the sets of changes that a cut can keep, oldest first in each. A set is
// good until the next one.
func (e *enumeration) kept() iter.Seq[[]*change] {
	return func(yield func([]*change) bool) {
		if e.options.Model == Adversarial {
			e.disk.subsets(0, nil, yield)
			return
		}
		for _, end := range e.disk.prefixes() {
			if !yield(e.disk.pending[:end]) {
				return
			}
		}
	}
}

// subsets goes through the sets that begin with kept, of the changes before number i.
func (d *Disk) subsets(i int, kept []*change, yield func([]*change) bool) bool {
	if i == len(d.pending) {
		return yield(kept)
	}
	c := d.pending[i]
	var lasts bool
	fixed := d.fixed(c, kept, &lasts)
	if (!fixed || !lasts) && !d.subsets(i+1, kept, yield) {
		return false
	}
	if (!fixed || lasts) && !d.subsets(i+1, append(kept, c), yield) {
		return false
	}
	return true
}

// prefixes are the numbers of changes, from the oldest, that an ordered file system can
// keep: whole operations, and what was made before the last sync.
func (d *Disk) prefixes() []int {
	var ends []int
	for i := len(d.pending); i >= 0; i-- {
		if i > 0 && i < len(d.pending) && d.pending[i].of(d.pending[i-1]) {
			continue
		}
		ends = append(ends, i)
		if i > 0 && d.pending[i-1].journaled {
			break
		}
	}
	return ends
}

// of says whether c and the change before it are halves of one operation.
func (c *change) of(before *change) bool { return c.needs == before || c.partner == before }
