package main

// This file is the floor of durable saves: the disk's own speed.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"unsafe"
)

const (
	// directPiece is what one direct write takes, in bytes.
	directPiece = 8 << 20
	// hugePage is a multiple of what large pages of memory begin at, in bytes.
	hugePage = 2 << 20
)

// rawDirect is a row that writes as many bytes as the model has past the page cache, two
// pieces at a time, and syncs. They are the model's first bytes again and again, from
// large pages: memory of small ones is handed to the disk in so many bits that it takes a
// fifth longer or more.
func (l *lab) rawDirect(group, name string) *row {
	path := l.path("direct")
	r := &row{group: group, name: name, bytes: l.source.size(), skip: l.noDirect(path)}
	if r.skip != "" {
		return r
	}
	piece := l.hugePiece()
	r.ready = l.freeMemory
	r.run = timed(func(ctx context.Context) error { return l.writeDirect(ctx, path, piece) })
	r.check = func(context.Context) error { return l.repeats(path, piece) }
	r.clean = l.discard(path)
	return r
}

// noDirect is the reason why files cannot be written past the page cache, or "".
func (l *lab) noDirect(path string) string {
	f, err := openDirect(path)
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(path))
	}
	if err != nil {
		return "no direct writes: " + err.Error()
	}
	return ""
}

// hugePiece is the model's first bytes in large pages, where the system gives such.
func (l *lab) hugePiece() []byte {
	memory := make([]byte, directPiece+hugePage)
	adviseHuge(memory)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (hugePage - 1)
	piece := memory[skip:][:directPiece]
	copy(piece, l.source.bytes())
	return piece
}

func (l *lab) writeDirect(ctx context.Context, path string, piece []byte) (err error) {
	f, err := openDirect(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := int(l.source.size())
	if err := reserve(f, int64(size)); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	whole := size / directUnit * directUnit
	err = inPieces(ctx, whole, len(piece), 2, func(begin, end int) error {
		_, err := f.WriteAt(piece[:end-begin], int64(begin))
		return err
	})
	if err != nil {
		return err
	}
	at := whole % len(piece)
	return l.writeEnd(path, piece[at:at+size-whole], int64(whole))
}

// writeEnd writes what no direct write may, and syncs file and folder.
func (l *lab) writeEnd(path string, end []byte, at int64) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.WriteAt(end, at); err != nil {
		return err
	}
	return errors.Join(f.Sync(), syncDir(l.dir))
}

// repeats is an error unless the file is as long as the model and piece again and again.
func (l *lab) repeats(path string, piece []byte) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if int64(len(data)) != l.source.size() {
		return fmt.Errorf("%s has %d bytes, want %d", path, len(data), l.source.size())
	}
	for ; len(data) > 0; data = data[min(len(piece), len(data)):] {
		if n := min(len(piece), len(data)); !bytes.Equal(data[:n], piece[:n]) {
			return fmt.Errorf("%s has other bytes than were written", path)
		}
	}
	return nil
}
