package main

// This file is the rows that load into a live model, from the page cache.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint"
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
			return inPieces(ctx, len(dst), workers, func(begin, end int) error {
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
			return inPieces(ctx, len(dst), workers, func(begin, end int) error {
				_, err := f.ReadAt(dst[begin:end], int64(begin))
				return err
			})
		}),
	}
}

func count(n int, noun string) string {
	if n > 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// inPieces calls f with all of [0, n) in pieces of 1 MiB, which workers take from
// one counter.
func inPieces(ctx context.Context, n, workers int, f func(begin, end int) error) error {
	const piece = 1 << 20
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for range workers {
		group.Go(func() error {
			for {
				begin := int(next.Add(piece)) - piece
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
