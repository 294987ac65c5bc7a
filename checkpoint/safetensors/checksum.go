package safetensors

// This file is about checksums of tensors, which the format has not: they are
// metadata, one entry a tensor.

import (
	"cmp"
	"fmt"
	"hash"
	"maps"
	"runtime"
	"slices"

	"github.com/minio/crc64nvme"
	"golang.org/x/sync/errgroup"
)

// ownPrefix begins every metadata key with a meaning of ours.
const ownPrefix = "kibisis."

// checksumPrefix and a tensor's name make the key of its checksum.
const checksumPrefix = ownPrefix + "crc64nvme."

// spell is a checksum as the metadata has it.
func spell(sum uint64) string { return fmt.Sprintf("%016x", sum) }

// A digest is a CRC-64/NVME that is fed in pieces, between which the scheduler
// can step, as in bulk.Copy.
type digest struct{ hash.Hash64 }

func newDigest() digest { return digest{crc64nvme.New()} }

func (d digest) Write(p []byte) (int, error) {
	for piece := range slices.Chunk(p, 1<<20) {
		_, _ = d.Hash64.Write(piece) // a hash never fails
	}
	return len(p), nil
}

// addChecksums writes the header again, with a checksum of every tensor in the
// metadata.
func (l *layout) addChecksums(src []Source, metadata map[string]string) error {
	sums, err := l.checksums(src)
	if err != nil {
		return err
	}
	all := make(map[string]string, len(metadata)+len(src))
	maps.Copy(all, metadata)
	for i := range src {
		all[checksumPrefix+src[i].Name] = spell(sums[i])
	}
	return l.writeHeader(src, all)
}

// checksums reads all data: what is in hand on all cores, the rest, which is made
// by calls of WriteData, on the caller's goroutine.
func (l *layout) checksums(src []Source) ([]uint64, error) {
	sums := make([]uint64, len(src))
	group := errgroup.Group{}
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, i := range largestFirst(src) {
		if src[i].inHand() {
			group.Go(func() (err error) { sums[i], err = src[i].sum(l.sizes[i]); return err })
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

// sum is the checksum of the data, which is size bytes.
func (s *Source) sum(size int64) (uint64, error) {
	d := newDigest()
	if err := s.copyTo(d, size); err != nil {
		return 0, fmt.Errorf("safetensors: checksum of tensor %q: %w", s.Name, err)
	}
	return d.Sum64(), nil
}
