package cli

// This file checks one file.

import (
	"context"
	"runtime"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
	"golang.org/x/sync/errgroup"
)

// A result is what is known about a file.
type result struct {
	path      string
	tensors   int
	bytes     int64 // of all tensors
	checksums int   // stored, and equal
	err       error // nil for a good file, else what is wrong first
	others    int   // tensors that are bad too
}

// check opens a file, which checks its header, and compares its checksums if
// that was asked for.
func (v *verifier) check(ctx context.Context, path string) result {
	f, err := safetensors.Open(path, &safetensors.OpenOptions{Lenient: v.lenient})
	if err != nil {
		return result{path: path, err: err}
	}
	defer f.Close()
	r := result{path: path, tensors: f.Len()}
	for _, t := range f.All() {
		r.bytes += t.Size()
	}
	if v.checksums {
		add, done := newBar(v.err, path, r.bytes)
		defer done()
		r.compareChecksums(ctx, f, add)
	}
	return r
}

// compareChecksums compares every stored checksum, on all cores, and calls add
// with the bytes of each tensor that is done. It goes on past a difference, so
// that what it reports is the same in each run.
func (r *result) compareChecksums(ctx context.Context, f *safetensors.File, add func(n int64)) {
	stored, errs := make([]bool, f.Len()), make([]error, f.Len())
	group, i := errgroup.Group{}, 0
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, t := range f.All() {
		at := i
		i++
		group.Go(func() error {
			if ctx.Err() == nil {
				stored[at], errs[at] = t.Verify()
				add(t.Size())
			}
			return nil
		})
	}
	_ = group.Wait() // errs has them all
	r.tally(stored, errs)
}

// tally counts what has come of each tensor.
func (r *result) tally(stored []bool, errs []error) {
	for i, err := range errs {
		switch {
		case err == nil && stored[i]:
			r.checksums++
		case err != nil && r.err == nil:
			r.err = err
		case err != nil:
			r.others++
		}
	}
}
