//go:build race

package store

// With the race detector, which has nothing to find in them, fewer bits are turned.
const (
	bitsApart    = 61
	lengthsApart = 97
)
