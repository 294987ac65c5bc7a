package mmap

// This file fetches a range of a mapping before anybody relies on it.

import (
	"context"
	"fmt"
	"os"
)

// piece is how many bytes are fetched between two looks at the context.
const piece = 32 << 20

// Populate fetches the pages under b, any part of a mapping, so that touching them costs
// no wait, and returns an error that wraps ErrFault if one cannot be read. It stops early
// when ctx is done. For memory that is not mapped it does nothing that can be seen.
func Populate(ctx context.Context, b []byte) error {
	for done := 0; done < len(b); done += piece {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("mmap: fetched %d of %d bytes: %w", done, len(b), err)
		}
		part := b[done:min(done+piece, len(b))]
		if err := populate(part); err != nil {
			return fmt.Errorf("mmap: fetch bytes [%d:%d) of %d: %w", done, done+len(part), len(b), err)
		}
	}
	return nil
}

// touch reads one byte of every page under b. It works everywhere and has the last word
// where populate has another way.
func touch(b []byte) error {
	return Guard(func() { readPages(b) })
}

//go:noinline
func readPages(b []byte) (sum byte) {
	step := os.Getpagesize()
	for i := 0; i < len(b); i += step {
		sum ^= b[i]
	}
	return sum ^ b[len(b)-1] // b need not begin on a page, so the last may be missed above
}
