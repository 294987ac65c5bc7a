package main

// This file is the rows that read a whole file into memory that the system has yet to
// give.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const memoryGroup = "load into new memory, file in the page cache"

func (l *lab) memoryRows() []*row {
	n := cores()
	goroutines := count(n, "goroutine")
	floor := l.slab("make, huge pages, read, "+goroutines, func(ctx context.Context, path string) ([]byte, error) {
		return readSlab(ctx, path, n, adviseHuge)
	})
	ours := l.inMemory("safetensors.Open, InMemory", l.plain, &safetensors.OpenOptions{InMemory: true})
	return compared(floor, ours, []*row{
		floor,
		l.slab("make, huge pages, populate, copy from a map, "+goroutines, func(ctx context.Context, path string) ([]byte, error) {
			return copySlab(ctx, path, n)
		}),
		l.slab("make, read, "+goroutines, func(ctx context.Context, path string) ([]byte, error) {
			return readSlab(ctx, path, n, func([]byte) {})
		}),
		l.slab("os.ReadFile", func(_ context.Context, path string) ([]byte, error) { return os.ReadFile(path) }),
		ours,
		l.inMemory("safetensors.Open, InMemory, Verify", l.summed, &safetensors.OpenOptions{InMemory: true, Verify: true}),
		l.numpyLoad(),
	})
}

// freshMemory gives back what Go keeps of garbage, so that the next sample gets new
// pages, and sees to it that the system has them at hand.
func (l *lab) freshMemory() error {
	debug.FreeOSMemory()
	return l.freeMemory()
}

// slab is a row of a read that knows nothing of tensors.
func (l *lab) slab(name string, read func(ctx context.Context, path string) ([]byte, error)) *row {
	var data []byte
	return &row{
		group: memoryGroup, name: name, bytes: l.source.size(),
		ready: l.freshMemory,
		run: timed(func(ctx context.Context) (err error) {
			data, err = read(ctx, l.plain)
			return err
		}),
		check: func(context.Context) error { return l.sameTensors(data) },
		clean: func() error { data = nil; return nil },
	}
}

func (l *lab) inMemory(name, path string, o *safetensors.OpenOptions) *row {
	var f *safetensors.File
	return &row{
		group: memoryGroup, name: name, bytes: l.source.size(),
		ready: l.freshMemory,
		run: timed(func(context.Context) (err error) {
			f, err = safetensors.Open(path, o)
			return err
		}),
		check: func(context.Context) error { return l.sameOpen(f) },
		clean: func() error {
			err := f.Close()
			f = nil
			return err
		},
	}
}

func (l *lab) numpyLoad() *row {
	return &row{
		group: memoryGroup, name: "Python numpy load_file", bytes: l.source.size(), skip: l.noPeer,
		ready: l.freshMemory,
		run:   func(context.Context, int) (time.Duration, error) { return l.python.time("numpy_load", l.plain, 1) },
		check: func(context.Context) error { return l.python.do("numpy_check", l.plain) },
		clean: func() error { return l.python.do("numpy_forget", l.plain) },
	}
}

// readSlab reads a file into new memory, after advice has been given about it.
func readSlab(ctx context.Context, path string, workers int, advise func([]byte)) (_ []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	stat, err := f.Stat()
	if err != nil {
		return nil, err
	}
	slab := make([]byte, stat.Size())
	advise(slab)
	return slab, inPieces(ctx, len(slab), slabPiece, workers, func(begin, end int) error {
		n, err := f.ReadAt(slab[begin:end], int64(begin))
		if n < end-begin {
			return fmt.Errorf("read %d of %d bytes: %w", n, end-begin, err)
		}
		return nil
	})
}

// slabPiece is how much one goroutine reads or populates at a time, in bytes.
const slabPiece = 32 << 20

// copySlab copies a mapped file into new memory.
func copySlab(ctx context.Context, path string, workers int) (slab []byte, err error) {
	err = withMap(path, func(file []byte) error {
		slab = make([]byte, len(file))
		adviseHuge(slab)
		return inPieces(ctx, len(slab), slabPiece, workers, func(begin, end int) error {
			populate(slab[begin:end])
			for ; begin < end; begin += loadPiece {
				copyPiece(slab[begin:min(begin+loadPiece, end)], file[begin:])
			}
			return nil
		})
	})
	return slab, err
}
