package faulty

// This file is power cuts.

import (
	"iter"
	"maps"
	"math/rand/v2"
	"slices"
)

// Model is how much order a power cut keeps among changes to directories.
type Model int

const (
	// Adversarial keeps any of the changes, as POSIX allows: see the package comment.
	Adversarial Model = iota
	// Ordered keeps the changes up to one of them and none after it, as a file system with
	// one journal does (ext4, XFS): all that came before the last SyncDir, of whichever
	// directory, are kept. What files hold is as uncertain as before.
	Ordered
)

// CutOptions says which cuts are wanted.
type CutOptions struct {
	Model Model
	// Max is the most disks that are yielded, and the most combinations that are gone
	// through; 0 means 1000.
	Max int
	// RNG chooses where there are more combinations. Nil is one of a fixed seed.
	RNG *rand.Rand
	// Seen holds states that are not to be yielded, and takes those that are.
	Seen *States
}

// Cuts yields what a power cut now can leave, each distinct state once: every combination of
// changes to directories and of what becomes of each file if there are no more than o.Max of
// them, else of o.Max random ones those that are new. What can become of a file is listed in
// the package comment; a combination takes all its dirty blocks alike, or old and new ones
// mixed if they are few. d stays as it is, and may be used meanwhile.
func (d *Disk) Cuts(o CutOptions) iter.Seq[*Disk] {
	if o.Max == 0 {
		o.Max = 1000
	}
	if o.RNG == nil {
		o.RNG = rand.New(rand.NewPCG(1, 1))
	}
	if o.Seen == nil {
		o.Seen = &States{}
	}
	return func(yield func(*Disk) bool) {
		moment := d.freeze()
		e := &enumeration{moment, o, map[*inode][]outcome{}}
		all := e.every()
		if e.tooMany() {
			all = e.random()
		}
		for s, outcomes := range all {
			if o.Seen.add(s.digest(outcomes)) && !yield(moment.reboot(s, outcomes)) {
				return
			}
		}
	}
}

// Crash cuts the power and returns the disk as the next boot finds it: what was
// durable, and of the rest what rng chooses. The same history and the same seed give
// the same disk. d itself stays as it is, so that one moment can be cut many times.
func (d *Disk) Crash(rng *rand.Rand) *Disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := shapeOf(d.root, d.keep(rng))
	return d.reboot(s, s.draw(rng))
}

// reboot is the disk as the next boot finds it.
func (d *Disk) reboot(s *shape, outcomes []outcome) *Disk {
	after := NewDisk()
	after.root = s.build(outcomes)
	after.capacity, after.lacks, after.readOnly = d.capacity, maps.Clone(d.lacks), d.readOnly
	return after
}

// keep chooses which pending changes last: none, all, or each by the toss of a coin.
func (d *Disk) keep(rng *rand.Rand) []*change {
	odds := []float64{0, 1, 0.5, rng.Float64()}[rng.IntN(4)]
	var kept []*change
	for _, c := range d.pending {
		lasts := rng.Float64() < odds
		if d.fixed(c, kept, &lasts); lasts {
			kept = append(kept, c)
		}
	}
	return kept
}

// fixed says whether what was kept of the changes before c leaves c no choice, and which
// one it leaves.
func (d *Disk) fixed(c *change, kept []*change, lasts *bool) bool {
	switch {
	case c.partner != nil && d.before(c.partner, c):
		*lasts = slices.Contains(kept, c.partner)
	case c.needs != nil && !c.needs.settled && !slices.Contains(kept, c.needs):
		*lasts = false
	default:
		return false
	}
	return true
}

// before says whether a is pending and older than b, which is.
func (d *Disk) before(a, b *change) bool {
	for _, c := range d.pending {
		if c == a || c == b {
			return c == a
		}
	}
	return false
}
