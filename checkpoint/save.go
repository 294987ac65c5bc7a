package checkpoint

// This file saves models: live values become sources of the codec's writer.

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
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
	if o == nil {
		o = &SaveOptions{}
	}
	src, opt, err := sources(m, o)
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
	if o == nil {
		o = &SaveOptions{}
	}
	src, opt, err := sources(m, o)
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

// sources turns a model into what the codec writes.
func sources(m Model, o *SaveOptions) ([]safetensors.Source, *safetensors.WriteOptions, error) {
	params, err := collect(m)
	if err != nil {
		return nil, nil, err
	}
	params = selected(params, o.Only)
	if len(params) == 0 {
		return nil, nil, errNoneSelected()
	}
	all, err := locate(params, o.Stored)
	if err != nil {
		return nil, nil, err
	}
	if err := savable(all, o); err != nil {
		return nil, nil, err
	}
	metadata := maps.Clone(o.Metadata)
	maps.DeleteFunc(metadata, func(key, _ string) bool { return strings.HasPrefix(key, metakey.Own) })
	var src []safetensors.Source
	for _, group := range sameStored(all, o.DType) {
		src = append(src, group[0].source(o.DType))
		metadata = addAliases(metadata, group)
	}
	return src, &safetensors.WriteOptions{
		Metadata:  withFormat(metadata, o.Checksums),
		Checksums: o.Checksums,
		Align:     o.Align,
		NoSync:    o.NoSync,
		Progress:  o.Progress,
	}, nil
}

func errNoneSelected() error {
	return &ModelError{[]Problem{{Reason: "Only selects none of the parameters"}}}
}

func selected(params []*param, only func(string) bool) []*param {
	if only == nil {
		return params
	}
	return slices.DeleteFunc(slices.Clone(params), func(p *param) bool { return !only(p.name) })
}

// savable finds what only saving asks for.
func savable(all []placed, o *SaveOptions) error {
	var problems []Problem
	byStored := map[string]placed{}
	for _, p := range all {
		problem := func(format string, args ...any) {
			problems = append(problems, Problem{p.name, fmt.Sprintf(format, args...)})
		}
		if p.bind != nil {
			problem("no value yet")
		}
		if p.stored.Slice != nil {
			problem("Stored.Slice is for loading: a slice of a tensor cannot be saved")
		}
		if other, dup := byStored[p.stored.Name]; dup && other.identity(o.DType) != p.identity(o.DType) {
			problem("stored as %q, and so is %q", p.stored.Name, other.name)
		}
		if reason := unusable(p.stored.Name); reason != "" {
			problem("stored as %q: %s", p.stored.Name, reason)
		}
		byStored[p.stored.Name] = p
		if to := p.storedAs(o.DType); to != p.dtype && !convertible(p.dtype, to) {
			problem("SaveOptions.DType: %s does not convert to %s", p.dtype, to)
		}
	}
	if len(problems) > 0 {
		return newModelError(problems)
	}
	return nil
}

// storedAs is the dtype that p gets in the file.
func (p placed) storedAs(dtype func(string) safetensors.DType) safetensors.DType {
	if dtype != nil {
		if d := dtype(p.name); d != 0 {
			return d
		}
	}
	return p.dtype
}

// identity is equal for params whose stored tensors are one: ties that also lie in
// the file in one way.
func (p placed) identity(dtype func(string) safetensors.DType) any {
	if p.addr() == 0 {
		return p.param
	}
	key := appendLayout(append(p.key(), byte(p.storedAs(dtype))), p.view)
	for _, n := range p.shape {
		key = binary.AppendVarint(key, int64(n))
	}
	return string(key)
}

// sameStored groups the params whose stored tensors are one. Each group is sorted
// by stored name: the first keeps the tensor. (The reference keeps the smallest name
// among those that cover their storage; of true ties all cover as much.)
func sameStored(all []placed, dtype func(string) safetensors.DType) [][]placed {
	var groups [][]placed
	at := map[any]int{}
	for _, p := range all {
		id := p.identity(dtype)
		i, ok := at[id]
		if !ok {
			i = len(groups)
			at[id] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	for _, g := range groups {
		slices.SortFunc(g, func(a, b placed) int { return strings.Compare(a.stored.Name, b.stored.Name) })
	}
	return groups
}

// addAliases records the other names of a group. What the caller has set stays,
// as in the reference; "format" means something else and is never an alias.
func addAliases(metadata map[string]string, group []placed) map[string]string {
	kept := group[0].stored.Name
	for _, p := range group[1:] {
		if _, set := metadata[p.stored.Name]; set || p.stored.Name == metakey.Format || p.stored.Name == kept {
			continue
		}
		if metadata == nil {
			metadata = map[string]string{}
		}
		metadata[p.stored.Name] = kept
	}
	return metadata
}

// withFormat adds "format" to metadata that is there, or will be.
func withFormat(metadata map[string]string, checksums bool) map[string]string {
	if len(metadata) == 0 && !checksums {
		return nil
	}
	if metadata == nil {
		metadata = map[string]string{}
	}
	if _, set := metadata[metakey.Format]; !set {
		metadata[metakey.Format] = "pt"
	}
	return metadata
}

// source is what the codec is to write for p.
func (p placed) source(dtype func(string) safetensors.DType) safetensors.Source {
	to := p.storedAs(dtype)
	s := safetensors.Source{Name: p.stored.Name, DType: to, Shape: p.shape}
	if to == p.dtype && p.asInFile() {
		s.Data = p.bytes()
		return s
	}
	s.WriteData = func(w io.Writer) error { return p.writeElements(w, to) }
	return s
}

// writeElements writes p in row-major order of the file, converted to dtype to.
func (p placed) writeElements(w io.Writer, to safetensors.DType) error {
	walk := newWalker(p.raw, p.width(), p.view)
	convert := newConverter(p.dtype, to, p.layout.Elements())
	report := &CastReport{Name: p.name, From: p.dtype, To: to, Elements: p.layout.Elements()}
	most := min(castPiece, p.layout.Elements())
	piece, converted := make([]byte, most*p.width()), make([]byte, most*int64(to.Bits())/8)
	for left := p.layout.Elements(); left > 0; {
		n := min(left, most)
		b := piece[:n*p.width()]
		walk.gather(b)
		swapBytes(b, p.dtype)
		if convert != nil {
			out := converted[:n*int64(to.Bits())/8]
			convert(out, b, report)
			b = out
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		left -= n
	}
	if !CastRound.allowed(report) {
		return &CastError{Reports: []CastReport{*report}}
	}
	return nil
}
