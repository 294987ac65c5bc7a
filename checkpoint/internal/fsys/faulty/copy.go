package faulty

// This file is copying a range of another file into an open one.

import (
	"errors"
	"io"
)

// CopyRange reads through src's own calls and then makes one call "copyrange", which
// goes wrong as a write does.
func (h *handle) CopyRange(off int64, src io.ReaderAt, srcOff, n int64) error {
	p := make([]byte, n)
	m, err := src.ReadAt(p, srcOff)
	if m < len(p) && !errors.Is(err, io.EOF) {
		return err
	}
	put := func(p []byte) error {
		_, err := h.put(p, off)
		return err
	}
	if m > 0 || n == 0 {
		p := p[:m]
		if err := h.call("copyrange", func() error { return put(p) }, func(*Fault) { _ = put(p[:m/2]) }); err != nil {
			return err
		}
	}
	if int64(m) < n {
		return io.ErrUnexpectedEOF
	}
	return nil
}
