package store

// This file reads small files, all at once, and believes none that is wrong before it has read it again.

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// What a file that ought to be small can be instead.
var (
	errTooLong = errors.New("longer than it can be")
	errNotFile = errors.New("not a file")
)

// openFile opens a file for reading, and nothing but a file: a pipe would wait for a writer, and a
// link we never make.
func (s *Store) openFile(name string) (fsys.File, error) {
	info, err := s.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w but %s", errNotFile, info.Mode())
	}
	return s.root.OpenFile(name, os.O_RDONLY, 0)
}

// readSame reads a file of at most most bytes that has no checksum: once more, past the cache, until it is
// the same as the last time.
func (s *Store) readSame(name string, most int64) ([]byte, error) {
	f, err := s.openFile(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written through it
	last, err := readWhole(f, most)
	for range maxReadings {
		if err == nil {
			err = f.Evict()
		}
		if err != nil {
			return nil, err
		}
		var again []byte
		if again, err = readWhole(f, most); err == nil && bytes.Equal(again, last) {
			return last, nil
		}
		last = again
	}
	return nil, cmp.Or(err, fmt.Errorf("%s is another one each time it is read", name))
}

// maxReadings is how often a file is read once more.
const maxReadings = 3

// readTwice reads a small file that says itself whether it is right. Where use says that it is not,
// it is read once more, past the cache, before that is believed: wrong is then what use says. err
// is the system's.
func (s *Store) readTwice(name string, most int64, use func([]byte) error) (wrong, err error) {
	f, err := s.openFile(name)
	if errors.Is(err, errNotFile) {
		return err, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close() // nothing was written through it
	for range 2 {
		b, err := readWhole(f, most)
		switch {
		case errors.Is(err, errTooLong):
			return err, nil
		case err != nil:
			return nil, err
		}
		if wrong = use(b); wrong == nil {
			return nil, nil
		}
		if err := f.Evict(); err != nil {
			return nil, err
		}
	}
	return wrong, nil
}

func readWhole(f fsys.File, most int64) ([]byte, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: info.Name(), Err: fmt.Errorf("not a file but %s", info.Mode())}
	}
	if info.Size() > most {
		return nil, fmt.Errorf("%w: %d bytes, at most %d", errTooLong, info.Size(), most)
	}
	b := make([]byte, info.Size())
	return b, readFull(f, b, 0)
}
