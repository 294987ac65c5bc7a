package safetensors

// This file is the images of a set: one a shard, and the index.

import (
	"context"
	"fmt"
	"iter"
)

// ShardImages are the images of a set's files: the same files that WriteShards makes of the
// same tensors, put together in memory. Place every image, fill them, Seal them together,
// then write them and the index. What an Image says of goroutines and memory holds here.
type ShardImages struct {
	plan   *shardPlan
	images []*Image // by file
	places []placeInSet
	sums   []uint64 // by spec
}

// A placeInSet is where a tensor is: number file's tensor number.
type placeInSet struct{ file, tensor int }

// PlanShardImages divides the tensors that specs declares among files, as WriteShards does:
// in their order, and into one file without an index where one holds all. Of the options,
// NoSync and Progress do not count. Errors are those of WriteShards, before it writes.
func PlanShardImages(specs []Spec, o *ShardOptions) (*ShardImages, error) {
	p, err := planShards(cloneSpecs(specs), o)
	if err != nil {
		return nil, err
	}
	s := &ShardImages{plan: p, places: make([]placeInSet, len(p.specs)), sums: make([]uint64, len(p.specs))}
	for n, f := range p.files {
		m := newImage(f.layout)
		m.ofSet = p.index != nil
		s.images = append(s.images, m)
		for k, i := range f.tensors {
			s.places[i] = placeInSet{n, k}
		}
	}
	return s, nil
}

// All are the files of tensors, by their names, in the order of shards.
func (s *ShardImages) All() iter.Seq2[string, *Image] {
	return func(yield func(string, *Image) bool) {
		for n, m := range s.images {
			if !yield(s.plan.files[n].name, m) {
				return
			}
		}
	}
}

// Index is the file that names the shard of each tensor: name and content, which stays the
// set's. Until Seal, the digits of the set's digest are zeros or those of the last Seal; the
// length does not change. Where one file holds all tensors there is none, and name is "".
func (s *ShardImages) Index() (name string, text []byte) {
	if s.plan.index == nil {
		return "", nil
	}
	return shardIndexName(s.plan.opt.Name), s.plan.index.text
}

// Tensor is where the data of tensor i goes, counted as in the specs: see Image.Tensor.
func (s *ShardImages) Tensor(i int) []byte {
	at := s.places[i]
	return s.images[at.file].Tensor(at.tensor)
}

// Fill copies the data of all tensors to where it goes: see Image.Fill. src are the tensors
// of the specs, in their order.
func (s *ShardImages) Fill(ctx context.Context, src []Source) error {
	if err := alike(src, s.plan.specs); err != nil {
		return err
	}
	defer s.plan.drop()
	if err := s.plan.take(src); err != nil {
		return err
	}
	for n, m := range s.images {
		if err := m.fill(ctx, s.plan.files[n].src); err != nil {
			return fmt.Errorf("safetensors: fill: %s: %w", s.plan.files[n].name, err)
		}
	}
	return nil
}

// Seal sums all tensors, on all cores, and completes headers and index with the checksums
// and the digest of the set. ctx ends it between pieces of 1 MiB; the error is then the
// context's cause, and headers and index are as they were.
func (s *ShardImages) Seal(ctx context.Context) error {
	for n, m := range s.images {
		if err := m.sumParts(ctx); err != nil {
			return fmt.Errorf("safetensors: seal: %s: %w", s.plan.files[n].name, err)
		}
	}
	for _, m := range s.images {
		m.joinParts()
	}
	for i, at := range s.places {
		s.sums[i] = s.images[at.file].sums[at.tensor]
	}
	digest := ""
	if s.plan.index != nil {
		digest = setDigest(s.plan.specs, s.plan.byName, s.sums)
		s.plan.index.fillSet(digest)
	}
	for _, m := range s.images {
		m.complete(digest)
	}
	return nil
}
