package retain

// This file is room on disk: files counted once, and what goes when there are too many.

import (
	"math"
	"slices"
)

// usage is the bytes of a set of items. Beyond the largest number it stays there.
type usage struct {
	bytes int64
	seen  map[uint64]bool
}

// more returns the bytes that an item would add.
func (u *usage) more(item Item) int64 {
	var sum int64
	own := make(map[uint64]bool, len(item.Files))
	for _, f := range item.Files {
		if !u.seen[f.ID] && !own[f.ID] {
			own[f.ID] = true
			sum = addBytes(sum, max(0, f.Bytes))
		}
	}
	return sum
}

func (u *usage) add(item Item) {
	u.bytes = addBytes(u.bytes, u.more(item))
	if u.seen == nil {
		u.seen = make(map[uint64]bool)
	}
	for _, f := range item.Files {
		u.seen[f.ID] = true
	}
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
