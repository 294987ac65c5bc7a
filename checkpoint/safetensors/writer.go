package safetensors

// This file is the Writer: a file whose tensors come one by one, in any order.
// writer_data.go is the ways in which one comes.

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/fb777929/kibisis/checkpoint/internal/atomicio"
	"github.com/fb777929/kibisis/checkpoint/internal/fsys"
)

// A Writer makes a file whose tensors were all declared and whose data comes in any
// order, also from several goroutines at once. Memory is bounded by the header and a
// buffer of 1 MiB for each call under way, so the file may be larger than memory. Make
// one with Create:
//
//	w, err := safetensors.Create(path, specs, nil)
//	if err != nil {
//		return err
//	}
//	defer w.Close() // without Commit, leaves everything as it was
//	... w.Write(name, data), w.WriteFrom(name, r), w.Copy(name, tensor) ...
//	return w.Commit()
//
// Each declared tensor is to be written once, also one without elements. A call that
// cannot be right (an unknown name, a tensor that was written before, data of another
// size, dtype or shape than declared) returns an error and changes nothing. Any other
// error, of the reader or of the disk, spoils the Writer: the tensor is written in
// part, later calls fail, and so does Commit, which says why.
type Writer struct {
	path string
	l    *layout
	f    *atomicio.File
	pace pace
	sums []uint64 // by spec; read by Commit

	// use guards f against Commit and Close: whoever writes holds it shared.
	use    sync.RWMutex
	closed bool

	mu    sync.Mutex
	state []stage // by spec
	err   error   // the first that spoiled the file
}

// stage is how far one tensor is.
type stage uint8

const (
	missing stage = iota
	begun
	complete
)

// Create begins a file of the tensors that specs declares, in any order: they lie in the
// file as Encode would put them. It makes a temporary file beside path and reserves its
// room, so that a full disk is an error now. path itself is touched by Commit only. Specs
// that could not be read back are a *FormatError, as from Encode.
//
// Options are those of WriteFile. Checksums are computed from the bytes as they pass, and
// filled in by Commit. The caller must call Close in the end, also after Commit.
func Create(path string, specs []Spec, o *WriteOptions) (*Writer, error) {
	return createOn(fsys.OS, path, specs, o)
}

func createOn(disk fsys.FS, path string, specs []Spec, o *WriteOptions) (*Writer, error) {
	opt, err := o.checked()
	if err != nil {
		return nil, err
	}
	l, err := layoutOf(cloneSpecs(specs), opt)
	if err != nil {
		return nil, err
	}
	return l.writer(disk, path, opt)
}

// writer begins the file of a layout.
func (l *layout) writer(disk fsys.FS, path string, o WriteOptions) (*Writer, error) {
	f, err := l.create(disk, path, o)
	if err != nil {
		return nil, err
	}
	return &Writer{
		path: path, l: l, f: f,
		pace:  pace{progress: o.Progress, total: l.size},
		sums:  make([]uint64, len(l.specs)),
		state: make([]stage, len(l.specs)),
	}, nil
}

// cloneSpecs: what is made of them outlives the call.
func cloneSpecs(specs []Spec) []Spec {
	own := make([]Spec, len(specs))
	for i, s := range specs {
		own[i] = Spec{s.Name, s.DType, append([]int(nil), s.Shape...)}
	}
	return own
}

// Commit completes the header, makes the file durable (without NoSync) and puts it at its
// path, replacing what was there in one step. It waits for writes that are under way. When it
// returns nil, the file survives a power cut. ErrUnconfirmed says that the file is in
// place and may not survive one. On any other error path is as it was, and nothing of the
// Writer is left: tensors that were not written are an ErrIncomplete that names them, ten
// at most. After Commit, whatever it returned, the Writer can only be closed.
func (w *Writer) Commit() (err error) {
	w.use.Lock()
	defer w.use.Unlock()
	if w.closed {
		return fmt.Errorf("safetensors: commit %s: %w", w.path, ErrClosed)
	}
	w.closed = true
	defer func() { err = errors.Join(err, w.f.Close()) }()
	if err := w.complete(); err != nil {
		return err
	}
	w.l.fill(w.l.header, w.sums)
	if err := w.l.rewriteHeader(w.f); err != nil {
		return err
	}
	w.pace.wrote(int64(len(w.l.header)))
	return commit(w.f)
}

// complete returns why the file cannot be committed.
func (w *Writer) complete() error {
	if w.err != nil {
		return fmt.Errorf("safetensors: commit %s: after %w", w.path, bare{w.err})
	}
	const most = 10
	lack := 0
	var names strings.Builder
	for _, i := range w.l.order {
		if w.state[i] == complete {
			continue
		}
		if lack++; lack <= most {
			fmt.Fprintf(&names, ", %q", shorten(w.l.specs[i].Name))
		}
	}
	switch {
	case lack == 0:
		return nil
	case lack > most:
		fmt.Fprintf(&names, " and %d more", lack-most)
	}
	return &FormatError{
		Kind: ErrIncomplete, Path: w.path,
		Detail: fmt.Sprintf("%d of %d tensors were not written: %s", lack, len(w.state), strings.TrimPrefix(names.String(), ", ")),
	}
}

// Close gives the file up unless it was committed: what was written is removed, and path
// is as it was. It waits for writes that are under way. After Commit, whatever that
// returned, and when called again, it does nothing.
func (w *Writer) Close() error {
	w.use.Lock()
	defer w.use.Unlock()
	if w.closed {
		return nil
	}
	w.closed = true
	if err := w.f.Close(); err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}

// write has one tensor written by fill, once admit, which may be nil, has let it in.
func (w *Writer) write(name string, admit, fill func(i int) error) error {
	w.use.RLock()
	defer w.use.RUnlock()
	if w.closed {
		return fmt.Errorf("safetensors: write tensor %q to %s: %w", name, w.path, ErrClosed)
	}
	i, ok := w.l.names[name]
	if !ok {
		return fmt.Errorf("safetensors: write tensor %q to %s: %w among %d declared", name, w.path, ErrNotFound, len(w.l.specs))
	}
	if admit != nil {
		if err := admit(i); err != nil {
			return err
		}
	}
	if err := w.claim(i); err != nil {
		return err
	}
	return w.settle(i, fill(i))
}

// claim lets one caller write a tensor.
func (w *Writer) claim(i int) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	name := w.l.specs[i].Name
	switch {
	case w.err != nil:
		return fmt.Errorf("safetensors: write tensor %q: after %w", name, bare{w.err})
	case w.state[i] != missing:
		return fmt.Errorf("safetensors: write tensor %q to %s: %w: it was written before", name, w.path, ErrDuplicate)
	}
	w.state[i] = begun
	return nil
}

// settle enters what became of a tensor, and gives an error its name.
func (w *Writer) settle(i int, err error) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.state[i] = complete
		return nil
	}
	err = fmt.Errorf("safetensors: write tensor %q: %w", w.l.specs[i].Name, bare{err})
	if w.err == nil {
		w.err = err
	}
	return err
}

// A bare error goes without the name of the package, behind words that have it.
type bare struct{ error }

func (b bare) Error() string { return strings.TrimPrefix(b.error.Error(), "safetensors: ") }
func (b bare) Unwrap() error { return b.error }
