package runs

// This file makes an fs.File of a file of the seam.

import (
	"io"
	"io/fs"

	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A readFile is for reading: at offsets, by several goroutines, or from front to back.
type readFile struct {
	file fsys.File
	pos  int64
}

func (f *readFile) Stat() (fs.FileInfo, error)                    { return f.file.Stat() }
func (f *readFile) Close() error                                  { return f.file.Close() }
func (f *readFile) ReadAt(p []byte, off int64) (n int, err error) { return f.file.ReadAt(p, off) }

func (f *readFile) Read(p []byte) (n int, err error) {
	n, err = f.file.ReadAt(p, f.pos)
	f.pos += int64(n)
	if n > 0 && err == io.EOF { //nolint:errorlint // bare, as io.ReaderAt has it
		err = nil
	}
	return n, err
}
