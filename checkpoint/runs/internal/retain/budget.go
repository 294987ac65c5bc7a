package retain

// This file is room on disk: files counted once, and what goes when there are too many.

import (
	"maps"
	"math"
	"slices"
)

// usage is the bytes of a set of items. Beyond the largest number it stays there.
type usage struct {
	bytes int64
	seen  map[uint64]bool
}

// add counts the files of an item that are not counted yet, and returns their bytes.
func (u *usage) add(item Item) (more int64) {
	if u.seen == nil {
		u.seen = make(map[uint64]bool)
	}
	for _, f := range item.Files {
		if !u.seen[f.ID] {
			u.seen[f.ID] = true
			more = addBytes(more, max(0, f.Bytes))
		}
	}
	u.bytes = addBytes(u.bytes, more)
	return more
}

// more returns what add would.
func (u *usage) more(item Item) int64 {
	v := usage{seen: maps.Clone(u.seen)}
	return v.add(item)
}

func addBytes(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}

// fit parts what there is room for, in order, from what goes: from the highest rank down all
// stay that fit, and below the first that does not, only what costs nothing. No limit is 0.
func fit(kept []*fate, limit int64) (stay []Item, gone []*fate) {
	if limit <= 0 {
		return nil, nil
	}
	ranked := slices.Clone(kept)
	slices.SortStableFunc(ranked, func(a, b *fate) int { return b.rank.compare(a.rank) })
	var used usage
	full := false
	for _, f := range ranked {
		more := used.more(f.item)
		full = full || addBytes(used.bytes, more) > limit
		if f.rank.class == essential || !full || more == 0 {
			used.add(f.item)
			stay = append(stay, f.item)
		} else {
			gone = append(gone, f)
		}
	}
	return inOrder(stay), gone
}
