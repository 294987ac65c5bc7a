package safetensors

// This file is the hash table behind names: eight bytes a slot, no pointer, its
// size fixed when it is made.

import (
	"hash/maphash"
	"math/bits"
)

// A table finds a string's number among n strings that somebody else keeps. The
// hash is seeded, so a header cannot be made to collide.
type table struct {
	seed  maphash.Seed
	slots []slot
}

type slot struct {
	hash  uint32
	index uint32 // plus one; 0 is an empty slot
}

// newTable makes a table for at most n strings, at most three quarters full.
func newTable(n int) table {
	return table{seed: maphash.MakeSeed(), slots: make([]slot, n+n/3+2)}
}

// add enters key under index i, unless an equal key is there: then it returns
// that one's index and true. at gives the string of an index.
func (t *table) add(key []byte, i uint32, at func(uint32) []byte) (uint32, bool) {
	hash := maphash.Bytes(t.seed, key)
	if old, ok := t.find(hash, key, at); ok {
		return old, true
	}
	p := t.home(hash)
	for t.slots[p].index != 0 {
		p = t.next(p)
	}
	t.slots[p] = slot{uint32(hash), i + 1}
	return i, false
}

// find returns the index of key, whose hash is given.
func (t *table) find(hash uint64, key []byte, at func(uint32) []byte) (uint32, bool) {
	for p := t.home(hash); t.slots[p].index != 0; p = t.next(p) {
		s := t.slots[p]
		if s.hash == uint32(hash) && string(at(s.index-1)) == string(key) {
			return s.index - 1, true
		}
	}
	return 0, false
}

// home maps the hash onto the slots by its upper half, of which slots keep
// nothing.
func (t *table) home(hash uint64) int {
	hi, _ := bits.Mul64(hash, uint64(len(t.slots)))
	return int(hi)
}

func (t *table) next(p int) int {
	if p++; p == len(t.slots) {
		return 0
	}
	return p
}
