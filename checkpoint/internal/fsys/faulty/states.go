package faulty

// This file tells states of disks apart.

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// digest is the first half of a SHA-256.
type digest [16]byte

func digestOf(b []byte) digest {
	sum := sha256.Sum256(b)
	return digest(sum[:])
}

// States is a set of what disks durably hold: names, types, modes, contents, and which names
// are one file. The zero value is empty. It may be used from several goroutines.
type States struct {
	mu   sync.Mutex
	seen map[digest]struct{}
}

// Len returns how many distinct states there are.
func (s *States) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.seen)
}

// Add adds what d durably holds, as if the power had been cut and nothing pending kept. It
// returns false if that was there already.
func (s *States) Add(d *Disk) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	tree := shapeOf(d.root, nil)
	return s.add(tree.digest(tree.durable()))
}

func (s *States) add(state digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.seen[state]; ok {
		return false
	}
	if s.seen == nil {
		s.seen = map[digest]struct{}{}
	}
	s.seen[state] = struct{}{}
	return true
}

// digest is of the tree with these outcomes. The numbers of nodes follow from the names, so
// equal trees have equal ones.
func (s *shape) digest(outcomes []outcome) digest {
	b := make([]byte, 0, 64*len(s.nodes))
	for i, n := range s.nodes {
		b = binary.AppendUvarint(b, uint64(outcomes[i].mode)) // with the type
		switch {
		case n.isDir():
			b = binary.AppendUvarint(b, uint64(len(s.entries[i])))
			for _, e := range s.entries[i] {
				b = appendText(b, e.name)
				b = binary.AppendUvarint(b, uint64(e.node))
			}
		case n.file != nil:
			b = append(b, outcomes[i].sum[:]...)
		default:
			b = appendText(b, n.target)
		}
	}
	return digestOf(b)
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
