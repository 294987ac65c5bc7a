package safetensors

// This file writes sources to a file of the system, which appears whole or not at
// all.

import (
	"context"
	"errors"
	"fmt"

	"github.com/fb777929/kibisis/checkpoint/internal/atomicio"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// ErrUnconfirmed says that the new file is in place, whole, but that its name could
// not be made durable: after a power cut it may or may not be there. The old file is
// gone. Write it again.
var ErrUnconfirmed = atomicio.ErrUnconfirmed

// WriteFile writes src to path as one file, atomically: a new file is made beside path,
// its room reserved, and it takes that name when it is complete. When WriteFile returns
// nil, bytes and name survive a power cut (unless NoSync); when it returns an error other
// than ErrUnconfirmed, or the process dies, path is as it was. A symbolic link is
// followed; an existing file's mode is kept; readers that have the old file open or
// mapped keep it. The bytes are those of Encode.
//
// Checksums are computed on a second goroutine while the first writes the same data, and
// filled in last; of data that WriteData makes, as it passes. ctx ends a write between
// pieces of 8 MiB; the error is then the context's cause. Progress and WriteData are
// called on the caller's goroutine. Errors are those of Encode, and the system's.
func WriteFile(ctx context.Context, path string, src []Source, o *WriteOptions) error {
	return writeFile(ctx, fsys.OS, path, src, o)
}

func writeFile(ctx context.Context, disk fsys.FS, path string, src []Source, o *WriteOptions) (err error) {
	opt, err := o.checked()
	if err != nil {
		return err
	}
	l, err := layoutOfSources(src, opt)
	if err != nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("safetensors: write %s: %w", path, err)
	}
	f, err := l.create(disk, path, opt)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := pacedWriter{f, &pace{stop: endedBy(ctx), progress: opt.Progress, total: l.size}}
	if err := l.writeSummed(f, w, src); err != nil {
		return err
	}
	return commit(f)
}

// create begins the file that the layout describes.
func (l *layout) create(disk fsys.FS, path string, o WriteOptions) (*atomicio.File, error) {
	f, err := atomicio.Create(path, &atomicio.Options{FS: disk, NoSync: o.NoSync, Size: l.size})
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return f, nil
}

// writeSummed writes the file through w, from front to back, and then, with checksums,
// the header once more.
func (l *layout) writeSummed(f *atomicio.File, w pacedWriter, src []Source) error {
	if l.slots == nil {
		return l.write(w, src, nil)
	}
	sums, err := l.writeAndSum(w, src)
	if err != nil {
		return err
	}
	l.fill(l.header, sums)
	return l.rewriteHeader(f)
}

// writeAndSum writes the file through w, and returns the checksums of src.
func (l *layout) writeAndSum(w pacedWriter, src []Source) ([]uint64, error) {
	sums := make([]uint64, len(src))
	summer := sumBeside(src, l.order, sums)
	defer summer.stop() // also when WriteData or Progress panics, src is the caller's again
	if err := l.write(w, src, sums); err != nil {
		return nil, err
	}
	summer.finish()
	return sums, nil
}

// rewriteHeader writes the header where it belongs.
func (l *layout) rewriteHeader(f *atomicio.File) error {
	if _, err := f.WriteAt(l.header, 0); err != nil {
		return fmt.Errorf("safetensors: write the header: %w", err)
	}
	return nil
}

func commit(f *atomicio.File) error {
	if err := f.Commit(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}
