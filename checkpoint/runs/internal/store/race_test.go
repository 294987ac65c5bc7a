//go:build race

package store

// With the race detector, which has nothing to find in them, fewer bits are turned and fewer
// processes killed.
const (
	killsApart   = 17
	bitsApart    = 61
	lengthsApart = 97
)
