package safetensors

// This file reads slices: straight from memory, or with as few calls as are worth
// it where bytes come by calls.

import (
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/strided"
)

// Limits of the calls for a slice, in bytes.
const (
	// mostBatch is the most that is read with one call to be picked apart.
	mostBatch = 1 << 20
	// defaultGap is up to how many unused bytes between two runs one call is
	// worth more than two. A call for a file that the system has in memory takes as
	// long as copying 4 to 8 KiB, one for a disk or a network many times that; and
	// storage gives whole pages, or whole read-aheads, anyway.
	defaultGap = 16 << 10
)

// A gapReader knows better than defaultGap: a server's request takes as long as
// sending some hundreds of kilobytes.
type gapReader interface{ ReadGap() int }

// readPart fills p with the bytes of part from off on. part counts elements of
// that many bits from byte base of the file.
func (s *source) readPart(p []byte, base int64, part strided.Layout, bits, off int64) error {
	runs, _ := part.Bytes(bits) // Slice has seen that it does
	lo, hi := runs.Extent()
	return s.guarded(base+lo, base+hi, func() error {
		if s.r == nil {
			runs.Gather(p, s.mem[base+lo:base+hi], lo, off)
			return nil
		}
		return s.readBatches(p, base, runs, off)
	})
}

// readBatches fills p with the bytes of runs from off on, with calls that are few
// and bring at most mostBatch bytes to be picked apart.
func (s *source) readBatches(p []byte, base int64, runs strided.Runs, off int64) error {
	gap := s.gap()
	var buf *[mostBatch]byte
	for len(p) > 0 {
		b := runs.Batch(off, int64(len(p)), gap, mostBatch)
		if b.OneRun {
			if err := s.readAt(p[:b.Len], base+b.Lo); err != nil {
				return err
			}
		} else {
			if buf == nil {
				buf = batches.Get().(*[mostBatch]byte)
				defer batches.Put(buf)
			}
			piece := buf[:b.Hi-b.Lo]
			if err := s.readAt(piece, base+b.Lo); err != nil {
				return err
			}
			runs.Gather(p[:b.Len], piece, b.Lo, off)
		}
		p, off = p[b.Len:], off+b.Len
	}
	return nil
}

// batches are buffers not in use. A conversion reads a slice in many small pieces,
// each of which needs one.
var batches = sync.Pool{New: func() any { return new([mostBatch]byte) }}

func (s *source) gap() int64 {
	if g, ok := s.r.(gapReader); ok {
		return min(int64(g.ReadGap()), mostBatch)
	}
	return defaultGap
}
