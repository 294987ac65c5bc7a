package mnist

// This file checks the first bytes of a data file: what it is and how much it
// holds. The format is called IDX: big-endian 32-bit numbers, first a magic
// number, then the size of each axis, then one byte an element.

import (
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
)

// The magic numbers: 8 is "unsigned bytes", the last digit the number of axes.
const (
	imageMagic = 0x0803
	labelMagic = 0x0801
)

// checkHeader reports whether the file is gzip and begins with the words wanted.
func checkHeader(path string, want ...uint32) error {
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("mnist: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("mnist: %s: %w", path, err)
	}
	got := make([]uint32, len(want))
	if err := binary.Read(z, binary.BigEndian, got); err != nil {
		return fmt.Errorf("mnist: %s: %w", path, err)
	}
	if !slices.Equal(got, want) {
		return fmt.Errorf("mnist: %s begins with %d, want %d", path, got, want)
	}
	return nil
}
