//go:build !race

package store

const (
	bitsApart    = 1
	lengthsApart = 13
)
