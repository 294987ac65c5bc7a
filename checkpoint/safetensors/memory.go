package safetensors

// This file does what is left to do when headers are read: reading files into
// memory, and comparing checksums.

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/fb777929/kibisis/checkpoint/internal/mmap"
)

const (
	// slabAlign is what the address of a slab is a multiple of, in bytes: a cache
	// line, and no type asks for more.
	slabAlign = 64
	// maxMemory is the most bytes in one piece. No machine has more memory, and make
	// panics not far above.
	maxMemory = math.MaxInt&(1<<46-1) - slabAlign
)

// loaded returns f as o wants it. It closes f when it fails.
func (f *File) loaded(o OpenOptions) (*File, error) {
	var err error
	switch {
	case o.InMemory:
		err = f.readIn(o.Verify)
	case o.Verify:
		_, err = f.Verify(context.Background())
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// readIn reads the shards into memory, if they are not there, and replaces their
// sources. Nobody else has f yet.
func (f *File) readIn(verify bool) error {
	slabs, err := f.newSlabs()
	if err != nil {
		return err
	}
	p := f.newPass(slabs, verify)
	if err := p.run(context.Background()); err != nil {
		return err
	}
	if err := p.compare(f.shards); err != nil {
		return err
	}
	for i, s := range f.shards {
		if slabs[i] == nil {
			continue
		}
		file := s.src
		s.src = &source{path: file.path, mem: slabs[i], size: file.size}
		err = errors.Join(err, file.close())
	}
	return err
}

// newSlabs makes memory for every shard that is not in memory. Headers have been
// checked against the sizes of the files, so these are no mere claims.
func (f *File) newSlabs() ([][]byte, error) {
	slabs := make([][]byte, len(f.shards))
	for i, s := range f.shards {
		if s.src.r == nil {
			continue
		}
		if s.src.size > maxMemory {
			return nil, fmt.Errorf("safetensors: %s%d bytes do not fit into memory", s.src.where(), s.src.size)
		}
		slabs[i] = newSlab(int(s.src.size))
	}
	return slabs, nil
}

// newSlab makes memory for a file. The allocator aligns what is a multiple of 64
// bytes long to 64 bytes. (Were it otherwise, views would be copies, not wrong.)
func newSlab(size int) []byte {
	slab := make([]byte, (size+slabAlign-1)&^(slabAlign-1))[:size]
	mmap.AdviseHuge(slab)
	return slab
}
