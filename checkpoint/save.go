package checkpoint

// This file saves models. sources.go is what of them is saved.

import (
	"context"
	"fmt"
	"io"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// SaveOptions tunes SaveModel and WriteModel. Nil means: the whole model, as it
// is, durable.
type SaveOptions struct {
	// Only selects the parameters to save, by the model's names; nil selects all.
	// To select none is an error.
	Only func(param string) bool
	// Stored says how a parameter is to lie in the file; nil as in the model. The
	// same function given to LoadOptions reads the file back.
	Stored func(param string) Stored
	// DType is the dtype to store a parameter as, 0 for its own: see Cast for
	// what converts. Floats are rounded to nearest, ties to even; a finite value
	// that would become infinite is an error.
	DType func(param string) safetensors.DType
	// Metadata is added to the file's. Whenever a file has any, "format" is "pt"
	// unless set here, because other loaders refuse files without it. Keys that
	// begin with "kibisis." are left out: they would be another file's checksums.
	Metadata map[string]string
	// Checksums stores a CRC-64/NVME of every tensor in the metadata, which
	// loading then verifies. SaveModel computes them while it writes; WriteModel
	// first, in a pass of its own.
	Checksums bool
	// Align is the multiple of bytes at which the data begins in the file, a power of
	// two from 8 to 1 MiB; 0 means 8. See safetensors.WriteOptions.
	Align int
	// NoSync does not wait for the disk: the file appears whole or not at all
	// after a crash of the process, but may be lost or old after a power cut.
	NoSync bool
	// Progress is called on the caller's goroutine with the bytes written so far
	// and those of the whole file.
	Progress func(done, total int64)
}

// ErrUnconfirmed says that the new file is in place, whole, but that its name could
// not be made durable: after a power cut it may or may not be there. The old file is
// gone. Save again.
var ErrUnconfirmed = safetensors.ErrUnconfirmed

// SaveModel writes the model to path as one safetensors file, atomically: a new file
// is made beside path and takes its name when it is complete. When SaveModel returns
// nil, bytes and name survive a power cut (unless NoSync); when it returns an error
// other than ErrUnconfirmed, or the process dies, path is as it was. A symbolic link
// is followed; an existing file's mode is kept. See the package comment for other
// systems than Linux.
//
// Tied tensors, those with the same address, dtype, shape and strides, are stored
// once, under the first of their names in byte order, and the other names become
// aliases in the metadata: what the save_model of Hugging Face's package writes.
// Tensors that overlap otherwise are each stored whole.
//
// The model is read while SaveModel runs and never changed: see Model for what
// may not run meanwhile. ctx ends a save between pieces of 8 MiB. Errors are
// *ModelError and *BatchNormError for a model that cannot be saved (before any
// file is made), *safetensors.FormatError, and those of the system.
func SaveModel(ctx context.Context, path string, m Model, o *SaveOptions) error {
	src, opt, err := Sources(m, o)
	if err != nil {
		return err
	}
	if err := safetensors.WriteFile(ctx, path, src, opt); err != nil {
		return fmt.Errorf("checkpoint: save: %w", err)
	}
	return nil
}

// WriteModel writes what SaveModel would, to w. NoSync has no meaning here.
func WriteModel(ctx context.Context, w io.Writer, m Model, o *SaveOptions) error {
	src, opt, err := Sources(m, o)
	if err != nil {
		return err
	}
	if err := safetensors.Encode(stoppable{ctx, w}, src, opt); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

// A stoppable looks at the context before each write, of which the codec makes one for
// at most 8 MiB.
type stoppable struct {
	ctx context.Context
	w   io.Writer
}

func (s stoppable) Write(b []byte) (int, error) {
	if err := context.Cause(s.ctx); err != nil {
		return 0, err
	}
	return s.w.Write(b)
}

// Reserve is what the codec calls before the first Write, with the size of the
// file.
func (s stoppable) Reserve(size int64) error {
	if r, ok := s.w.(interface{ Reserve(size int64) error }); ok {
		return r.Reserve(size)
	}
	return nil
}
