package safetensors

// This file is the hash table behind names: four bytes a slot, no pointer, its
// size fixed when it is made.

import (
	"hash/maphash"
	"math/bits"
)

// A table finds a string's number among n strings that somebody else keeps. The
// hash is seeded, so a header cannot be made to collide.
type table struct {
	seed maphash.Seed
	// A slot is 0 where it is empty. Else the bits of numbers are the string's
	// number plus one, and the rest are bits of its hash.
	slots   []uint32
	numbers uint32
}

// newTable makes a table for at most n strings with numbers below limit. It is
// three quarters full at most.
func newTable(n, limit int) table {
	return table{maphash.MakeSeed(), make([]uint32, n+n/3+2), 1<<bits.Len(uint(limit)) - 1}
}

// add enters key under number i, unless an equal key is there: then it returns
// that one's number and true. at gives the string of a number.
func (t *table) add(key []byte, i uint32, at func(uint32) []byte) (uint32, bool) {
	hash := maphash.Bytes(t.seed, key)
	s := t.find(hash, func(i uint32) bool { return string(at(i)) == string(key) })
	if *s != 0 {
		return *s&t.numbers - 1, true
	}
	*s = uint32(hash)&^t.numbers | (i + 1)
	return i, false
}

// renumber gives the string of number i the number to[i].
func (t *table) renumber(to []uint32) {
	for p, s := range t.slots {
		if s != 0 {
			t.slots[p] = s&^t.numbers | (to[s&t.numbers-1] + 1)
		}
	}
}

// lookup returns the number of key, if it was added.
func (t *table) lookup(key string, at func(uint32) []byte) (uint32, bool) {
	s := t.find(maphash.String(t.seed, key), func(i uint32) bool { return string(at(i)) == key })
	return *s&t.numbers - 1, *s != 0
}

// find returns the slot of the string with that hash for which is holds, or the
// empty slot where it belongs. The upper half of the hash says where to begin,
// slots keep of the lower half what they have room for.
func (t *table) find(hash uint64, is func(i uint32) bool) *uint32 {
	home, _ := bits.Mul64(hash, uint64(len(t.slots)))
	for p := int(home); ; p++ {
		if p == len(t.slots) {
			p = 0
		}
		s := &t.slots[p]
		if *s == 0 || (*s^uint32(hash))&^t.numbers == 0 && is(*s&t.numbers-1) {
			return s
		}
	}
}
