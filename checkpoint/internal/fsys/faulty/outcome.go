package faulty

// This file is what a cut can leave of one file or directory, its names aside.

import (
	"io/fs"
	"math/rand/v2"
	"slices"
)

// maxMixed is how many dirty blocks a file may have for all mixtures of old and new ones to
// be among its outcomes.
const maxMixed = 4

// kept is the outcome in which nothing lasts that was not synced.
func (n *inode) kept() outcome {
	o := outcome{mode: n.diskMode}
	if n.file != nil {
		n.file.diskShared = true
		o.bytes, o.sum = n.file.disk, n.file.diskSum()
	}
	return o
}

// durable is kept of every node.
func (s *shape) durable() []outcome {
	list := make([]outcome, len(s.nodes))
	for i, n := range s.nodes {
		list[i] = n.kept()
	}
	return list
}

// draw is any outcome of every node.
func (s *shape) draw(rng *rand.Rand) []outcome {
	list := s.durable()
	for i, n := range s.nodes {
		if n.mode != n.diskMode && rng.IntN(2) == 0 {
			list[i].mode = n.mode
		}
		if n.file != nil && !n.file.settled() {
			list[i].bytes = n.file.cut(rng)
			list[i].sum = digestOf(list[i].bytes)
		}
	}
	return list
}

// outcomes lists the outcomes of n that an enumeration goes through, each once: of the
// endless ways in which junk and sectors can be mixed, some.
func (n *inode) outcomes() []outcome {
	list := []outcome{n.kept()}
	if n.file != nil && !n.file.settled() {
		list = n.file.outcomes(n.diskMode)
	}
	if n.mode != n.diskMode {
		for _, o := range slices.Clone(list) {
			o.mode = n.mode
			list = append(list, o)
		}
	}
	return list
}

func (c *content) outcomes(mode fs.FileMode) []outcome {
	var list []outcome
	seen := map[digest]bool{}
	for _, size := range c.sizes() {
		for _, b := range c.fillings(size) {
			sum := digestOf(b)
			if !seen[sum] {
				seen[sum] = true
				list = append(list, outcome{mode, b, sum})
			}
		}
	}
	return list
}

// sizes are the lengths that an enumeration goes through: the old one, the new one, one
// between, and what was reserved.
func (c *content) sizes() []int {
	before, now := len(c.disk), len(c.data)
	list := []int{before, now, (before + now) / 2, max(now, int(c.reserved))}
	slices.Sort(list)
	return slices.Compact(list)
}

// fillings are contents of one length: all dirty blocks alike, and all mixtures of old and
// new ones if they are few.
func (c *content) fillings(size int) [][]byte {
	blocks := c.dirtyBlocks()
	var list [][]byte
	for _, f := range fates {
		list = append(list, c.filled(size, blocks, func(int) fate { return f }))
	}
	if n := len(blocks); n > 1 && n <= maxMixed {
		for mixture := 1; mixture < 1<<n-1; mixture++ {
			list = append(list, c.filled(size, blocks, func(i int) fate {
				return []fate{keepOld, keepNew}[mixture>>i&1]
			}))
		}
	}
	return list
}

// filled is one content. What is random in a fate is the same each time.
func (c *content) filled(size int, blocks []int, of func(i int) fate) []byte {
	rng := rand.New(rand.NewPCG(1, 2))
	out := resize(slices.Clone(c.disk), size)
	for i, b := range blocks {
		begin, end := c.bounds(b, size)
		of(i)(rng, out[begin:end], c.data[min(begin, len(c.data)):min(end, len(c.data))])
	}
	return out
}
