package store

// This file writes one file of a checkpoint: large pieces, straight from the caller's memory,
// the late bytes last.

import (
	"cmp"
	"context"
	"errors"
	"hash"
	"io"
	"os"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"github.com/minio/crc64nvme"
	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

const (
	// writePiece is how many bytes are written between two looks at the context. Larger ones
	// are not faster.
	writePiece = 8 << 20
	// DirectAlign is the multiple of bytes, in memory, at which data must begin to be written
	// past the page cache.
	DirectAlign = 4096
	// directWriters is how many direct writes are under way: with one, the disk has nothing to do
	// between two.
	directWriters = 3
	// directFrom is the size from which the second handle of a direct write pays.
	directFrom = 1 << 20
)

// A fileWriter writes one file.
type fileWriter struct {
	p    *Pending
	name string
	file fsys.File
	data Data

	excess  bool        // more room was reserved than is used
	direct  fsys.File   // nil where everything goes through the page cache
	refused atomic.Bool // direct writes
	align   int
	start   time.Time
	sent    int64 // counted where there is a cap
}

// run writes, and returns what the manifest is to say.
func (w *fileWriter) run(ctx context.Context) (*File, error) {
	if err := w.openDirect(); err != nil {
		return nil, err
	}
	w.start = time.Now()
	finished := w.finish(ctx)
	late := w.lateEnd()
	err := w.put(ctx, late, len(w.data.Bytes))
	entry, finishErr := finished()
	if err = errors.Join(err, finishErr); err == nil {
		err = w.put(ctx, 0, late)
	}
	if w.direct != nil {
		err = errors.Join(err, w.direct.Close())
	}
	if err == nil {
		err = w.trim()
	}
	return entry, err
}

// onDisk reports whether the bytes went past the page cache.
func (w *fileWriter) onDisk() bool { return w.direct != nil && !w.refused.Load() }

// finish has the late bytes made on another goroutine, and returns a function that waits for them.
func (w *fileWriter) finish(ctx context.Context) func() (*File, error) {
	entry := &File{Size: int64(len(w.data.Bytes))}
	if w.data.Finish == nil {
		return func() (*File, error) {
			entry.CRC = sumOf(w.data.Bytes)
			return entry, nil
		}
	}
	done := make(chan error, 1)
	go func() {
		var err error
		entry.CRC, entry.Tensors, err = w.data.Finish(ctx)
		done <- err
	}()
	return func() (*File, error) { return entry, <-done }
}

// openDirect decides which way the bytes go.
func (w *fileWriter) openDirect() error {
	b := w.data.Bytes
	if len(b) < directFrom || uintptr(unsafe.Pointer(unsafe.SliceData(b)))%DirectAlign != 0 || cap(b) < roundUp(len(b), DirectAlign) {
		return nil
	}
	file, align, err := w.p.s.root.OpenDirect(w.p.path(w.name), os.O_WRONLY)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	if err != nil {
		return err
	}
	if align > DirectAlign {
		return file.Close() // a disk that asks for more than memory is aligned to
	}
	// With its length, the file takes direct writes without waiting for its metadata.
	if err := w.file.Truncate(int64(len(b))); err != nil {
		return errors.Join(err, file.Close())
	}
	w.direct, w.align = file, align
	return nil
}

// lateEnd is where the pieces begin that need not wait for the late bytes.
func (w *fileWriter) lateEnd() int {
	return min(roundUp(w.data.Late, DirectAlign), len(w.data.Bytes))
}

// put writes the bytes [begin:end), of which begin is a multiple of DirectAlign, and end is, too, or
// is the end of the file.
func (w *fileWriter) put(ctx context.Context, begin, end int) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(w.atOnce())
	var ended error
	for at := begin; at < end; at += writePiece {
		if ended = context.Cause(ctx); ended != nil {
			break
		}
		group.Go(func() error { return w.piece(ctx, at, min(at+writePiece, end)) })
	}
	return cmp.Or(group.Wait(), ended)
}

// atOnce is how many pieces are on their way at a time. The page cache takes them one after the other
// anyway, and a cap is kept best so.
func (w *fileWriter) atOnce() int {
	if w.direct == nil || w.p.s.opts.BytesPerSecond > 0 {
		return 1
	}
	return directWriters
}

// piece writes one piece. A file system may say only now that it takes no direct writes.
func (w *fileWriter) piece(ctx context.Context, begin, end int) error {
	b := w.data.Bytes
	if w.direct != nil && !w.refused.Load() {
		err := writeAll(w.direct, b[begin:roundUp(end, w.align):cap(b)], int64(begin))
		if err == nil {
			return w.pace(ctx, end-begin)
		}
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
		w.refused.Store(true)
	}
	if err := writeAll(w.file, b[begin:end], int64(begin)); err != nil {
		return err
	}
	return w.pace(ctx, end-begin)
}

// writeAll takes it for an error, too, if fewer bytes were written and none was returned.
func writeAll(w io.WriterAt, b []byte, off int64) error {
	n, err := w.WriteAt(b, off)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	return err
}

// pace waits where writing is faster than the cap, after a piece of n bytes.
func (w *fileWriter) pace(ctx context.Context, n int) error {
	most := w.p.s.opts.BytesPerSecond
	if most <= 0 {
		return nil
	}
	w.sent += int64(n)
	due := w.start.Add(time.Duration(float64(w.sent) / float64(most) * float64(time.Second)))
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(time.Until(due)):
		return nil
	}
}

// trim cuts what direct writes wrote behind the end, and room that was not needed.
func (w *fileWriter) trim() error {
	if !w.excess && (w.align == 0 || len(w.data.Bytes)%w.align == 0) {
		return nil
	}
	return w.file.Truncate(int64(len(w.data.Bytes)))
}

func roundUp(n, multiple int) int { return (n + multiple - 1) / multiple * multiple }

// sumPiece is how much is summed at a time: the scheduler cannot step in during one call.
const sumPiece = 1 << 20

// addTo sums b.
func addTo(h hash.Hash64, b []byte) {
	for len(b) > 0 {
		n := min(len(b), sumPiece)
		_, _ = h.Write(b[:n]) // a hash never fails
		b = b[n:]
	}
}

func sumOf(b []byte) Sum {
	h := crc64nvme.New()
	addTo(h, b)
	return Sum(h.Sum64())
}

// createFlags make a file that must not be there yet.
const createFlags = os.O_RDWR | os.O_CREATE | os.O_EXCL
