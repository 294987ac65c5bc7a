package store

// This file reads a checkpoint from the medium, past the page cache: a checkpoint that was written so is not
// there, and would push out of it what training reads. Few bytes are on the way at a time.

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

const (
	// backPiece is how many bytes are read at a time.
	backPiece = 4 << 20
	// backReaders is how many pieces are on their way.
	backReaders = 2
)

// readBack sees to it that one of keep is known to be good.
func (s *Store) readBack(ctx context.Context, keep []ID) error {
	if len(keep) == 0 {
		return errors.New("no checkpoint would be left")
	}
	if slices.ContainsFunc(keep, s.isVerified) {
		return nil
	}
	c, err := s.Checkpoint(slices.MaxFunc(keep, ID.Compare))
	if err != nil {
		return err
	}
	verify := func(ctx context.Context, name string) error {
		if c.isRightDirectly(ctx, name) {
			s.noteRead(c.ID, name)
			return nil
		}
		return c.VerifyOnce(ctx, name)
	}
	return errors.Join(c.verifyAll(ctx, verify), c.Close())
}

// isRightDirectly reports whether a file was read directly and is right. Where it was not, reading it through
// the page cache tells what is wrong: mostly that there are no direct reads.
func (c *Checkpoint) isRightDirectly(ctx context.Context, name string) bool {
	want := c.Manifest.Files[name]
	if want.Size < directFrom || c.s.isRead(c.ID, name) {
		return false
	}
	f, align, err := c.s.root.OpenDirect(path.Join(c.String(), name), os.O_RDONLY)
	if err != nil {
		return false
	}
	defer f.Close() // nothing was written through it
	got, err := sumDirect(ctx, f, align, want.Size)
	return err == nil && got == want.CRC
}

// sumDirect sums a file of size bytes. Any other size is an error.
func sumDirect(ctx context.Context, f fsys.File, align int, size int64) (sum Sum, err error) {
	if align > DirectAlign {
		return 0, errors.ErrUnsupported
	}
	memory, free, err := fsys.NewBuffer(backReaders * backPiece)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, free()) }()
	var buffers [][]byte
	for b := range slices.Chunk(memory, backPiece) {
		buffers = append(buffers, b)
	}
	return sumPieces(ctx, size, backPiece, buffers, func(b []byte, off int64) error { return readDirect(f, b, align, off) })
}

// readDirect fills b, a part of a larger buffer, from offset off. It ends at an aligned byte, or where
// the file does.
func readDirect(f fsys.File, b []byte, align int, off int64) error {
	read, err := f.ReadAt(b[:roundUp(len(b), align)], off)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if read != len(b) {
		return fmt.Errorf("%d bytes at byte %d, want %d", read, off, len(b))
	}
	return nil
}
