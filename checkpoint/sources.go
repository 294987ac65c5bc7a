package checkpoint

// This file turns a model into sources of the codec: live values under the names, in the
// dtypes and layouts that they get in the file.

import (
	"encoding/binary"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// Sources is what SaveModel hands to the codec, for programs that write it in another way:
// with safetensors.Encode, safetensors.WriteShards, or through a safetensors.Image while
// training goes on. Nothing is copied: a Source's Data is the live memory of a parameter,
// and WriteData, for one that is converted or laid out in another way, reads it when it is
// called. So the model must stay alive, and its memory where it is, and what SaveModel may
// not run beside, the sources may not be read beside (see Model). Sources made before can be
// read again after training changed the numbers, as long as no parameter got another value
// or layout.
//
// Ties are folded: one source for each tensor that is stored, in the order of the model's
// names, and the other names as aliases in the metadata of the options, which are those of o
// for the codec. Errors are *ModelError and *BatchNormError.
func Sources(m Model, o *SaveOptions) ([]safetensors.Source, *safetensors.WriteOptions, error) {
	if o == nil {
		o = &SaveOptions{}
	}
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
