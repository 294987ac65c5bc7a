package main

// This file is the floors of -runs on the disk: the bytes of a state as one file.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
	"unsafe"
)

// newHuge makes memory in large pages, where the system gives such, all of it touched.
func newHuge(size int) []byte {
	memory := make([]byte, size+hugePage)
	adviseHuge(memory)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(memory)))) & (hugePage - 1)
	b := memory[skip:][:size:size]
	clear(b)
	return b
}

// writeFloors writes b to a new file past the page cache and through it, each synced, and
// returns what either took; direct is empty where it cannot be done.
func (l *lab) writeFloors(ctx context.Context, b []byte) (direct []time.Duration, synced time.Duration, err error) {
	path := l.path("floor")
	if l.noDirect(path) == "" {
		begin := time.Now()
		if err := writePast(ctx, path, b); err != nil {
			return nil, 0, err
		}
		direct = append(direct, time.Since(begin))
		if err := l.discard(path)(); err != nil {
			return nil, 0, err
		}
	}
	begin := time.Now()
	if err := writeThrough(path, b); err != nil {
		return nil, 0, err
	}
	return direct, time.Since(begin), l.discard(path)()
}

// writePast writes b, which begins at a page, past the page cache, and syncs file and folder: as
// many whole units as there are. The few bytes behind them make no difference to the disk.
func writePast(ctx context.Context, path string, b []byte) (err error) {
	f, err := openDirect(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	b = b[:len(b)/directUnit*directUnit]
	if err := reserve(f, int64(len(b))); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	err = inPieces(ctx, len(b), directPiece, 2, func(begin, end int) error {
		_, err := f.WriteAt(b[begin:end], int64(begin))
		return err
	})
	if err != nil {
		return err
	}
	return syncBoth(f)
}

// writeThrough writes b through the page cache, and syncs file and folder.
func writeThrough(path string, b []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := reserve(f, int64(len(b))); err != nil {
		return fmt.Errorf("reserve: %w", err)
	}
	for len(b) > 0 {
		n, err := f.Write(b[:min(directPiece, len(b))])
		if err != nil {
			return err
		}
		b = b[n:]
	}
	return syncBoth(f)
}

func syncBoth(f *os.File) error {
	return errors.Join(f.Sync(), syncDir(dirOf(f.Name())))
}
