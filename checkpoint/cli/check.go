package cli

// This file checks files and sets.

import (
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A result is what is known about a file, or about a set as a whole.
type result struct {
	path      string
	tensors   int
	bytes     int64 // of all tensors
	checksums int   // stored, and equal
	forgiven  []*safetensors.FormatError
	err       error // nil for a good file
}

// check yields what is known about the file at path; if it is an index, first about
// the shards. It opens files, which checks their headers, and compares their
// checksums if that was asked for.
func (v *verifier) check(ctx context.Context, path string, yield func(result) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := safetensors.Open(path, v.options())
	if err != nil {
		return refused(path, err, yield)
	}
	defer f.Close()
	r := result{path: path, tensors: f.Len(), forgiven: f.Forgiven()}
	for _, t := range f.All() {
		r.bytes += t.Size()
	}
	switch shards := f.Shards(); {
	case shards != nil:
		err = v.checkShards(ctx, shards, &r, yield)
	case v.checksums:
		r.checksums, r.err = v.compareChecksums(ctx, path, r.bytes)
		err = ctx.Err() // of a file that was not read to its end nothing is known
	}
	if err != nil {
		return err
	}
	return yield(r)
}

func (v *verifier) options() *safetensors.OpenOptions {
	return &safetensors.OpenOptions{Lenient: v.lenient}
}

// checkShards checks each shard like any file, and adds to whole what is not known
// from opening the set.
func (v *verifier) checkShards(ctx context.Context, shards []string, whole *result, yield func(result) error) error {
	whole.forgiven = slices.DeleteFunc(whole.forgiven, func(f *safetensors.FormatError) bool {
		return slices.Contains(shards, f.Path) // told of with the shard
	})
	for _, shard := range shards {
		err := v.check(ctx, shard, func(r result) error {
			whole.checksums += r.checksums
			whole.err = errors.Join(whole.err, r.err)
			return yield(r)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// refused yields what an error of opening path says: of a set first about the
// shards that are bad, of which there may be several.
func refused(path string, err error, yield func(result) error) error {
	told := map[string]bool{"": true, path: true}
	for _, fault := range faultsIn(err) {
		bad := (*safetensors.FormatError)(nil)
		if !errors.As(fault, &bad) || told[bad.Path] {
			continue
		}
		told[bad.Path] = true
		if err := yield(result{path: bad.Path, err: fault}); err != nil {
			return err
		}
	}
	return yield(result{path: path, err: err})
}

// compareChecksums compares the stored checksums of a file, and returns how many
// were equal. It reads through a counter, for the bar, where Open would map.
func (v *verifier) compareChecksums(ctx context.Context, path string, size int64) (equal int, err error) {
	add, done := newBar(v.err, path, size)
	defer done()
	raw, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer raw.Close()
	info, err := raw.Stat()
	if err != nil {
		return 0, err
	}
	f, err := safetensors.NewFile(counter{raw, add}, info.Size(), v.options())
	if err == nil {
		equal, err = f.Verify(ctx)
	}
	return equal, named(err, path)
}

// named puts the path into faults, which do not know it: NewFile was not told.
func named(err error, path string) error {
	for _, fault := range faultsIn(err) {
		if bad := (*safetensors.FormatError)(nil); errors.As(fault, &bad) {
			bad.Path = path
		}
	}
	return err
}

// A counter tells add how much was read through it.
type counter struct {
	io.ReaderAt
	add func(n int64)
}

func (c counter) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(p, off)
	c.add(int64(n))
	return n, err
}
