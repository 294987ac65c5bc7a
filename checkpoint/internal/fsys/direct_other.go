//go:build !linux

package fsys

import (
	"errors"
	"io/fs"
	"os"
)

// openDirect is not attempted: elsewhere it is another call with other rules (F_NOCACHE,
// FILE_FLAG_NO_BUFFERING), and nothing that we measured asks for it.
func openDirect(_ openerFor, name string, _ int) (*os.File, int, error) {
	return nil, 0, &fs.PathError{Op: "open", Path: name, Err: errors.ErrUnsupported}
}
