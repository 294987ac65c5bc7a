package atomicio

// This file copies ranges of other files into one in the making.

import (
	"fmt"
	"io"
)

// CopyRange writes n bytes of src, from its byte srcOff on, at byte off, inside the kernel
// where src is a file and the system can. It may run beside writes of other ranges, as
// WriteAt may. After an error, also one of src, the file cannot be committed.
func (f *File) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	if err := f.writable(); err != nil {
		return err
	}
	if err := f.settle(off); err != nil {
		return f.wrote(off, 0, int(n), err)
	}
	err := f.temp.data.CopyRange(off, src, srcOff, n)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err == nil {
		f.end = max(f.end, off+n)
		return nil
	}
	if f.err == nil {
		f.err = fmt.Errorf("a copy of %d bytes that failed: %w", n, err)
	}
	return fmt.Errorf("write %q: copy %d bytes to byte %d: %w", f.path, n, off, err)
}
