//go:build !race

package store

const (
	killsApart   = 3
	bitsApart    = 1
	lengthsApart = 13
)
