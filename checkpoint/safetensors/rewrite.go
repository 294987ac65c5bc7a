package safetensors

// This file changes a file: a new one is made of what stays, which the kernel copies,
// and what is put in. rewrite_plan.go says what goes where.

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// An Edit says what Rewrite changes.
type Edit struct {
	// Drop names the tensors to leave out. One that is not there is an error.
	Drop []string
	// Put are tensors to add, or to put in the place of those of the same name.
	Put []Source
	// Metadata changes the metadata in place: a map that is its own, empty where the
	// file has none. Stored checksums are not in it; they are kept, made and dropped with
	// their tensors.
	Metadata func(metadata map[string]string)
}

// Rewrite changes the file at path: as in WriteFile a new file is made beside it, which
// takes its place when it is complete, so that a crash leaves the old one or the new one,
// and readers that have the old one mapped keep it. Tensors that stay are copied, neighbours
// in one go and inside the kernel where it can (Linux); on file systems that share blocks
// that costs neither time nor room. A nil Edit, or an empty one, only puts the file in
// canonical form.
//
// Stored checksums of tensors that stay are kept. Those that are put get one if any tensor of the
// file had one; with o.Checksums, all that have none get one, which takes reading them. o.Align
// counts as it does for WriteFile, whatever the file had; o.Metadata must be nil.
//
// Before anything is written, these are errors: to drop what is not there (ErrNotFound); to
// put two tensors of one name, or to drop and put one (ErrDuplicate); an alias in the metadata
// of a tensor that is dropped, unless Metadata takes it out or leads it elsewhere (ErrNotFound);
// a file that only lenient reading takes, which is for Repair; a file that belongs to a set of
// shards, unless Metadata takes out "kibisis.set", which makes it a file of its own. Two
// Rewrites of one file at the same time are safe, but one of the edits is lost.
func Rewrite(ctx context.Context, path string, e *Edit, o *WriteOptions) error {
	src, err := fileSource(path)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	f, err := newFile(src, OpenOptions{})
	if err != nil {
		return err
	}
	return rewrite(ctx, fsys.OS, path, f, e, o)
}

// rewrite closes f, which is what disk has at path.
func rewrite(ctx context.Context, disk fsys.FS, path string, f *File, e *Edit, o *WriteOptions) (err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	if e == nil {
		e = &Edit{}
	}
	opt, err := o.checked()
	if err != nil {
		return err
	}
	plan, err := newPlan(f, e, opt)
	if err != nil {
		return err
	}
	return plan.write(ctx, disk, path, opt)
}

// write makes the file at path. It closes the old one, of which it may take the place.
func (p *plan) write(ctx context.Context, disk fsys.FS, path string, o WriteOptions) (err error) {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("safetensors: rewrite %s: %w", p.old.path, err)
	}
	w, err := p.layout.writer(disk, path, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	w.pace.stop = endedBy(ctx)
	if err := p.writeTo(w); err != nil {
		return err
	}
	if err := p.old.Close(); err != nil { // Windows replaces no file that is open
		return fmt.Errorf("safetensors: %w", err)
	}
	return w.Commit()
}

// writeTo writes all tensors, in file order.
func (p *plan) writeTo(w *Writer) error {
	for order := p.layout.order; len(order) > 0; {
		n := p.run(order)
		err := p.copyRun(w, order[:n])
		if n == 0 {
			n, err = 1, w.settle(order[0], p.writeOne(w, order[0]))
		}
		if err != nil {
			return err
		}
		order = order[n:]
	}
	return nil
}

// run counts the tensors at the front of order that are only to be copied and lie side by
// side in the old file as well.
func (p *plan) run(order []int) (n int) {
	var at int64
	for _, i := range order {
		if i >= len(p.kept) || p.layout.summed(i) {
			break
		}
		begin, end := p.kept[i].Range()
		if n > 0 && begin != at {
			break
		}
		n, at = n+1, end
	}
	return n
}

func (p *plan) copyRun(w *Writer, run []int) error {
	if len(run) == 0 {
		return nil
	}
	begin, _ := p.kept[run[0]].Range()
	_, end := p.kept[run[len(run)-1]].Range()
	err := w.copyRange(p.layout.at(run[0]), p.old.shards[0].src.r, begin, end-begin)
	for _, i := range run {
		if err := w.settle(i, err); err != nil {
			return err
		}
	}
	return nil
}

// writeOne writes a tensor that is put, or one that stays and has to be read for its
// checksum.
func (p *plan) writeOne(w *Writer, i int) error {
	if i < len(p.kept) {
		return w.drain(i, io.NewSectionReader(p.kept[i], 0, p.kept[i].Size()))
	}
	s := &p.put[i-len(p.kept)]
	if s.inHand() {
		return w.put(i, s.Data)
	}
	d, buf := newSum(), bufio.NewWriterSize(w.place(i), largeData)
	err := s.copyTo(io.MultiWriter(d, buf), p.layout.sizes[i])
	w.sums[i] = d.Sum64()
	return cmp.Or(err, buf.Flush())
}
