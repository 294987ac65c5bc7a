package safetensors

// This file is about checksums of tensors, which the format has not: they are
// metadata, one entry a tensor.

import (
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/minio/crc64nvme"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// spell is a checksum as the metadata has it.
func spell(sum uint64) string { return fmt.Sprintf("%016x", sum) }

// A runningSum is a CRC-64/NVME that is fed in pieces, between which the scheduler
// can step, as in bulk.Copy.
type runningSum struct{ hash.Hash64 }

func newSum() runningSum { return runningSum{crc64nvme.New()} }

func (d runningSum) Write(p []byte) (int, error) {
	for piece := range slices.Chunk(p, 1<<20) {
		_, _ = d.Hash64.Write(piece) // a hash never fails
	}
	return len(p), nil
}

// pending marks in layout.slots a checksum that has no place in the header yet.
const pending = -1

// withSlots adds to a copy of the metadata the checksums of those that summed
// selects, their digits zeros, and marks them.
func (l *layout) withSlots(metadata map[string]string, summed func(i int) bool) map[string]string {
	all := make(map[string]string, len(metadata)+len(l.specs))
	maps.Copy(all, metadata)
	l.slots = make([]int, len(l.specs))
	for i := range l.specs {
		if summed(i) {
			l.slots[i] = pending
			all[metakey.Checksum+l.specs[i].Name] = spell(0)
		}
	}
	return all
}

// slotOf returns the tensor whose checksum has that key and is to be filled in.
func (l *layout) slotOf(key string) (i int, ok bool) {
	if l.slots == nil {
		return 0, false
	}
	name, ok := strings.CutPrefix(key, metakey.Checksum)
	if !ok {
		return 0, false
	}
	i, ok = l.names[name]
	return i, ok && l.slots[i] == pending
}

// summed reports whether the header has room for the checksum of a tensor.
func (l *layout) summed(i int) bool { return l.slots != nil && l.slots[i] != 0 }

// fill puts the checksums into the header, which is the layout's or a copy of it.
func (l *layout) fill(header []byte, sums []uint64) {
	for i, at := range l.slots {
		if at != 0 {
			putSum(header[at:], sums[i])
		}
	}
}

// putSum is spell, in place.
func putSum(dst []byte, sum uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], sum)
	hex.Encode(dst, b[:])
}

// checksums reads all data: what is in hand on all cores, the rest, which is made
// by calls of WriteData, on the caller's goroutine.
func (l *layout) checksums(src []Source) ([]uint64, error) {
	sums := make([]uint64, len(src))
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range largestFirst(src) {
		if src[i].inHand() {
			group.Go(func() error { sums[i] = checksum(src[i].Data); return nil })
		}
	}
	err := group.Wait()
	for i := range src {
		if !src[i].inHand() && err == nil {
			sums[i], err = src[i].sum(l.sizes[i])
		}
	}
	return sums, err
}

// largestFirst orders work so that no core is left with a large piece in the end.
func largestFirst(src []Source) []int {
	order := make([]int, len(src))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(len(src[b].Data), len(src[a].Data)) })
	return order
}

// sum is the checksum of data that is made, size bytes.
func (s *Source) sum(size int64) (uint64, error) {
	d := newSum()
	if err := s.copyTo(d, size); err != nil {
		return 0, fmt.Errorf("safetensors: checksum of tensor %q: %w", s.Name, err)
	}
	return d.Sum64(), nil
}

func checksum(p []byte) uint64 {
	d := newSum()
	_, _ = d.Write(p) // a hash never fails
	return d.Sum64()
}

// A summer computes checksums of data in hand on a goroutine of its own, while the
// caller writes the same data.
type summer struct {
	quit atomic.Bool
	done chan struct{}
}

// sumBeside starts with the sources that are in hand, in that order. The sums are
// there when finish returns.
func sumBeside(src []Source, order []int, sums []uint64) *summer {
	s := &summer{done: make(chan struct{})}
	go func() {
		defer close(s.done)
		for _, i := range order {
			if src[i].inHand() {
				sums[i] = s.sum(src[i].Data)
			}
		}
	}()
	return s
}

// sum is checksum, but for data that nobody waits for any more.
func (s *summer) sum(data []byte) uint64 {
	d := newSum()
	for piece := range slices.Chunk(data, 1<<20) {
		if s.quit.Load() {
			return 0
		}
		_, _ = d.Write(piece) // a hash never fails
	}
	return d.Sum64()
}

// finish waits until no data is read any more.
func (s *summer) finish() { <-s.done }

// stop ends the work early, and waits.
func (s *summer) stop() {
	s.quit.Store(true)
	s.finish()
}
