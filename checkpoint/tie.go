package checkpoint

// This file finds parameters that share memory.

import (
	"cmp"
	"encoding/binary"
	"slices"

	"gorgonia.org/gorgonia"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// A tie is the names of one tensor: same address, dtype, shape and strides, or
// one owner that has no value yet. Most have one name. Sorted by name.
type tie []*param

// identityOfMemory is equal for params that are the same tensor.
func identityOfMemory(p *param) any {
	if p.addr() == 0 {
		return p // no bytes to share
	}
	return string(p.key())
}

// key holds what two memories share that are one tensor.
func (m memory) key() []byte {
	key := binary.AppendUvarint(make([]byte, 0, 128), uint64(m.addr()))
	return appendLayout(append(key, byte(m.dtype)), m.layout)
}

// appendLayout appends what no other layout has. It makes keys of maps, where
// formatting would be most of the cost of a small tensor.
func appendLayout(key []byte, l strided.Layout) []byte {
	key = binary.AppendVarint(key, l.Start)
	key = binary.AppendUvarint(key, uint64(len(l.Axes)))
	for _, axis := range l.Axes {
		key = binary.AppendVarint(key, axis.N)
		key = binary.AppendVarint(key, axis.Stride)
	}
	return key
}

// ties groups params, keeping their order by first name.
func ties(params []*param) []tie {
	var all []tie
	at := map[any]int{}
	for _, p := range params {
		id := identityOfMemory(p)
		if p.bind != nil {
			id = ownerIdentity(p.owner, p)
		}
		i, ok := at[id]
		if !ok {
			i = len(all)
			at[id] = i
			all = append(all, nil)
		} else if p.bind != nil {
			p.memory, p.bind = all[i][0].memory, all[i][0].bind // one value for one owner
		}
		all[i] = append(all[i], p)
	}
	return all
}

// ownerIdentity is what two params of one owner share before it has a value.
func ownerIdentity(v gorgonia.Valuer, p *param) any {
	if sameOwner(v, v) {
		return v
	}
	return p
}

// overlaps returns the groups of two or more ties whose memory, from first to
// last byte, overlaps. (Two columns of one matrix do, though they share no
// element: what they share is found byte by byte.)
func overlaps(all []tie) [][]tie {
	sorted := slices.DeleteFunc(slices.Clone(all), func(t tie) bool { return t[0].addr() == 0 })
	slices.SortFunc(sorted, func(a, b tie) int { return cmp.Compare(a[0].addr(), b[0].addr()) })
	var groups [][]tie
	var end uintptr // the furthest that the last group reaches: nested views are in it
	for i, t := range sorted {
		begin := t[0].addr()
		if i == 0 || begin >= end {
			groups = append(groups, nil)
		}
		last := len(groups) - 1
		groups[last] = append(groups[last], t)
		end = max(end, begin+uintptr(t[0].span()))
	}
	return slices.DeleteFunc(groups, func(g []tie) bool { return len(g) < 2 })
}

// span is the number of bytes from the first element to the end of the last.
func (m memory) span() int64 { return m.layout.Span() * m.width() }
