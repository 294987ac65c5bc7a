package main

// This file is the rows that load into a live model, from the page cache.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/edsrzf/mmap-go"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const loadGroup = "load into a live model, file in the page cache"

func (l *lab) loadRows() []*row {
	n := cores()
	floor, ours := l.copying(n), l.loading("LoadModel", l.plain)
	var rows []*row
	if n > 1 {
		rows = append(rows, l.copying(1), floor, l.memmove(1), l.memmove(n))
	} else {
		rows = append(rows, floor, l.memmove(1))
	}
	rows = append(rows,
		l.reading(n),
		l.mapping(n),
		ours,
		l.loading("LoadModel, checksums verified", l.summed),
		l.pythonLoad("Python load_model", "load_model", l.plain))
	if l.withTorch {
		rows = append(rows, l.pythonLoad("Python torch.load, load_state_dict", "torch_load", l.torch))
	}
	if l.gob {
		rows = append(rows, l.gobDecode(loadGroup))
	}
	return compared(floor, ours, rows)
}

func (l *lab) loading(name, path string) *row {
	return &row{
		group: loadGroup, name: name, bytes: l.source.size(),
		blank: l.target.clear,
		run: timed(func(ctx context.Context) error {
			_, err := checkpoint.LoadModel(ctx, path, l.target.state(), nil)
			return err
		}),
		check: l.loadedRight,
	}
}

// pythonLoad loads the same tensors, from the same file where the op can.
func (l *lab) pythonLoad(name, op, path string) *row {
	return &row{
		group: loadGroup, name: name, bytes: l.source.size(), skip: l.noPeer,
		blank: func() error { return l.python.do("blank", l.plain) },
		run:   func(context.Context, int) (time.Duration, error) { return l.python.time(op, path, 1) },
		check: func(context.Context) error { return l.python.do("check", l.plain) },
	}
}

// copying is the floor: source's elements to target's.
func (l *lab) copying(workers int) *row {
	return &row{
		group: loadGroup, name: "copy in memory, " + count(workers, "goroutine"), bytes: l.source.size(),
		blank: l.target.clear,
		run: timed(func(ctx context.Context) error {
			dst, src := l.target.bytes(), l.source.bytes()
			return inPieces(ctx, len(dst), loadPiece, workers, func(begin, end int) error {
				copyPiece(dst[begin:end], src[begin:end])
				return nil
			})
		}),
		check: l.loadedRight,
	}
}

// copyPiece is a call of its own, between which goroutines can be stopped.
//
//go:noinline
func copyPiece(dst, src []byte) { copy(dst, src) }

// memmove is the C library's copy, which has another loop for large blocks.
func (l *lab) memmove(threads int) *row {
	return &row{
		group: loadGroup, name: "copy in memory, libc's memmove, " + count(threads, "thread"), bytes: l.source.size(), skip: l.noPeer,
		run: func(context.Context, int) (time.Duration, error) { return l.python.time("memmove", l.plain, threads) },
	}
}

// reading reads the file into target's memory, which is what a load without a
// mapping would do.
func (l *lab) reading(workers int) *row {
	return &row{
		group: loadGroup, name: "read the file into memory in use, " + count(workers, "goroutine"), bytes: l.source.size(),
		run: timed(func(ctx context.Context) (err error) {
			f, err := os.Open(l.plain)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, f.Close()) }()
			dst := l.target.bytes()
			return inPieces(ctx, len(dst), loadPiece, workers, func(begin, end int) error {
				_, err := f.ReadAt(dst[begin:end], int64(len(l.header)+begin))
				return err
			})
		}),
		check: func(context.Context) error { return l.sameAsFile(l.target.bytes()) },
	}
}

// mapping is a load with Go's copy: map the file, copy all of it but the header, unmap.
func (l *lab) mapping(workers int) *row {
	return &row{
		group: loadGroup, name: "map the file, copy into memory in use, unmap, " + count(workers, "goroutine"), bytes: l.source.size(),
		run: timed(func(ctx context.Context) error {
			return withMap(l.plain, func(file []byte) error {
				dst, src := l.target.bytes(), file[len(l.header):]
				return inPieces(ctx, len(dst), loadPiece, workers, func(begin, end int) error {
					copyPiece(dst[begin:end], src[begin:end])
					return nil
				})
			})
		}),
		check: func(context.Context) error { return l.sameAsFile(l.target.bytes()) },
	}
}

// withMap calls f with the mapped file.
func withMap(path string, f func(file []byte) error) (err error) {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	m, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Unmap()) }()
	return f(m)
}

// sameAsFile is an error unless data is what plain has behind its header, where tensors
// lie in another order than in the model.
func (l *lab) sameAsFile(data []byte) error {
	return l.sameTensors(slices.Concat(l.header, data))
}

// sameTensors is an error unless file is a file of source's tensors.
func (l *lab) sameTensors(file []byte) error {
	f, err := safetensors.OpenBytes(file, nil)
	if err != nil {
		return err
	}
	return l.sameOpen(f)
}

// sameOpen is sameTensors of an open file.
func (l *lab) sameOpen(f *safetensors.File) error {
	if err := l.target.clear(); err != nil {
		return err
	}
	if _, err := checkpoint.ReadModel(context.Background(), f, l.target.state(), nil); err != nil {
		return err
	}
	return l.target.equals(l.source)
}

func count(n int, noun string) string {
	if n > 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// loadPiece is how much one goroutine copies or reads at a time, in bytes.
const loadPiece = 1 << 20

// inPieces calls f with all of [0, n) in pieces, which workers take from one counter.
func inPieces(ctx context.Context, n, piece, workers int, f func(begin, end int) error) error {
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for {
				begin := int(next.Add(int64(piece))) - piece
				if begin >= n || ctx.Err() != nil {
					return context.Cause(ctx)
				}
				if err := f(begin, min(begin+piece, n)); err != nil {
					return err
				}
			}
		})
	}
	return group.Wait()
}
