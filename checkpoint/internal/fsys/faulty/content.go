package faulty

// This file is the bytes of one file, twice: as programs see them and as the disk
// has them. It knows nothing of names, handles and faults.

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"slices"
)

const (
	blockSize  = 4096 // the unit in which a cut keeps or loses bytes
	sectorSize = 512  // the unit that a device writes whole; divides blockSize
)

// content is the bytes of a file.
type content struct {
	data []byte // as programs see them
	disk []byte // as they were when last synced
	// dataShared and diskShared say that other contents have the same memory, so that it
	// has to be copied before it is written to.
	dataShared, diskShared bool
	sum                    *digest // of disk; nil when not known
	// dirty holds the numbers of the blocks written since a Sync, good or failed, took
	// them. A block that is not dirty and yet differs on disk was lost by a failed one.
	dirty    map[int]struct{}
	reserved int64 // bytes asked for with Reserve
}

// newContent is a file that holds b, durably. It takes b, which may be shared if nobody
// writes to it.
func newContent(b []byte, sum *digest) *content {
	return &content{data: b, disk: b, dataShared: true, diskShared: true, sum: sum}
}

// share returns a copy of its own that has the memory in common until one of the two is
// written to.
func (c *content) share() *content {
	c.dataShared, c.diskShared = true, true
	out := *c
	out.dirty = maps.Clone(c.dirty)
	return &out
}

// ownData and ownDisk come before every write to data and disk.
func (c *content) ownData() {
	if c.dataShared {
		c.data, c.dataShared = slices.Clone(c.data), false
	}
}

func (c *content) ownDisk() {
	c.sum = nil
	if c.diskShared {
		c.disk, c.diskShared = slices.Clone(c.disk), false
	}
}

// diskSum is the digest of what is durable.
func (c *content) diskSum() digest {
	if c.sum == nil {
		sum := digestOf(c.disk)
		c.sum = &sum
	}
	return *c.sum
}

// settled says that a cut can only leave what is durable.
func (c *content) settled() bool {
	return len(c.dirty) == 0 && len(c.disk) == len(c.data) && c.reserved <= int64(len(c.data))
}

// damage changes what the file holds and what is durable of it.
func (c *content) damage(fn func([]byte) []byte) {
	same := bytes.Equal(c.data, c.disk)
	c.data = slices.Clone(fn(slices.Clone(c.data)))
	if same {
		c.disk = slices.Clone(c.data)
	} else {
		c.disk = slices.Clone(fn(slices.Clone(c.disk)))
	}
	c.dataShared, c.diskShared, c.sum = false, false, nil
}

// allocated is the room that the file takes, in bytes.
func (c *content) allocated() int64 { return max(int64(len(c.data)), c.reserved) }

// growth is how much more room the file would take if it had size bytes.
func (c *content) growth(size int64) int64 { return max(0, size-c.allocated()) }

func (c *content) writeAt(p []byte, off int64) {
	if len(p) == 0 {
		return
	}
	c.ownData()
	end := off + int64(len(p))
	if grow := end - int64(len(c.data)); grow > 0 {
		c.data = append(c.data, make([]byte, grow)...)
	}
	copy(c.data[off:], p)
	c.touch(off, end)
}

// truncate empties the file. What it held counts as written over.
func (c *content) truncate() {
	c.setSize(0)
	c.reserved = 0
}

// setSize cuts the file, or fills it up with zeros. What goes counts as written over, and room
// behind the end is given up.
func (c *content) setSize(size int64) {
	if now := int64(len(c.data)); size < now {
		c.touch(size, now)
	}
	c.ownData()
	c.data = resize(c.data, int(size))
	c.reserved = min(c.reserved, size)
}

// touch marks the blocks of bytes [begin:end) as written.
func (c *content) touch(begin, end int64) {
	if c.dirty == nil {
		c.dirty = map[int]struct{}{}
	}
	for b := begin / blockSize; b*blockSize < end; b++ {
		c.dirty[int(b)] = struct{}{}
	}
}

// sync makes the dirty blocks durable.
func (c *content) sync() {
	c.ownDisk()
	c.disk = resize(c.disk, len(c.data))
	for b := range c.dirty {
		begin, end := c.bounds(b, len(c.data))
		copy(c.disk[begin:end], c.data[begin:end])
	}
	c.dirty = nil
}

// failSync is what a failing sync leaves: nothing durable, and every block taken for
// clean, so that no later sync writes it.
func (c *content) failSync() { c.dirty = nil }

// bounds returns where block b begins and ends in a file of the given size.
func (c *content) bounds(b, size int) (begin, end int) {
	return min(b*blockSize, size), min((b+1)*blockSize, size)
}

// cut returns what the file holds after a power cut. Half of the cuts treat all
// blocks alike, so that "everything lost" and "everything kept" come up however many
// blocks a file has.
func (c *content) cut(rng *rand.Rand) []byte {
	size := c.cutSize(rng)
	out := resize(slices.Clone(c.disk), size)
	alike, fate := rng.IntN(2) == 0, anyFate(rng)
	for _, b := range c.dirtyBlocks() {
		if !alike {
			fate = anyFate(rng)
		}
		begin, end := c.bounds(b, size)
		fate(rng, out[begin:end], c.data[min(begin, len(c.data)):min(end, len(c.data))])
	}
	return out
}

// cutSize picks a length. Room that was reserved may show as length: there are
// systems whose call does that.
func (c *content) cutSize(rng *rand.Rand) int {
	before, now := len(c.disk), len(c.data)
	if c.settled() {
		return now
	}
	reach := max(before, now, int(c.reserved))
	return []int{before, now, int(max(int64(now), c.reserved)), rng.IntN(reach + 1)}[rng.IntN(4)]
}

// dirtyBlocks is sorted so that a seed always gives the same cut.
func (c *content) dirtyBlocks() []int {
	blocks := make([]int, 0, len(c.dirty))
	for b := range c.dirty {
		blocks = append(blocks, b)
	}
	slices.Sort(blocks)
	return blocks
}

// A fate turns old, the durable bytes of one block, into what the cut leaves of a
// write of now, which may be shorter.
type fate func(rng *rand.Rand, old, now []byte)

var fates = []fate{keepOld, keepNew, zeros, junk, torn}

func anyFate(rng *rand.Rand) fate { return fates[rng.IntN(len(fates))] }

func keepOld(*rand.Rand, []byte, []byte)    {}
func keepNew(_ *rand.Rand, old, now []byte) { copy(old, now) }
func zeros(_ *rand.Rand, old, _ []byte)     { clear(old) }

func junk(rng *rand.Rand, old, _ []byte) {
	for i := range old {
		old[i] = byte(rng.Uint32())
	}
}

func torn(rng *rand.Rand, old, now []byte) {
	for begin := 0; begin < min(len(old), len(now)); begin += sectorSize {
		if rng.IntN(2) == 0 {
			copy(old[begin:min(begin+sectorSize, len(old))], now[begin:])
		}
	}
}

// resize cuts b, or fills it up with zeros.
func resize(b []byte, size int) []byte {
	if size <= len(b) {
		return b[:size]
	}
	return append(b, make([]byte, size-len(b))...)
}
