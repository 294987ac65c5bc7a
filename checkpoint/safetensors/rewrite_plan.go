package safetensors

// This file decides what a rewritten file will hold, and refuses edits that cannot be
// meant. It writes nothing.

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// A plan is a file to come: the tensors that it has from the old one, then those that
// are put in, in the order of its layout's specs.
type plan struct {
	old    *File
	kept   []Tensor
	put    []Source
	layout *layout
}

func newPlan(f *File, e *Edit, o WriteOptions) (*plan, error) {
	if o.Metadata != nil {
		return nil, fmt.Errorf("safetensors: rewrite %s: WriteOptions.Metadata is not for Rewrite, use Edit.Metadata", f.path)
	}
	p := &plan{old: f, put: e.Put}
	dropped, err := p.keep(e)
	if err != nil {
		return nil, err
	}
	metadata, sums := p.metadata(e)
	if _, shard := metadata[metakey.Set]; shard {
		return nil, fmt.Errorf("safetensors: rewrite %s: the file belongs to a set of shards (metadata %q)", f.path, metakey.Set)
	}
	maps.Copy(metadata, sums)
	o.Metadata = metadata
	if len(metadata) == 0 && f.metadata() == nil {
		o.Metadata = nil
	}
	if err := p.lay(o); err != nil {
		return nil, err
	}
	return p, p.checkAliases(dropped, metadata)
}

// keep lists what stays of the old file, and returns what is dropped.
func (p *plan) keep(e *Edit) (dropped map[string]bool, err error) {
	dropped, put := map[string]bool{}, map[string]bool{}
	for _, name := range e.Drop {
		if _, err := p.old.Tensor(name); err != nil {
			return nil, err
		}
		dropped[name] = true
	}
	for i := range e.Put {
		name := e.Put[i].Name
		if dropped[name] {
			return nil, refuse(e.Put[i].spec(), ErrDuplicate, "to be dropped and to be put")
		}
		put[name] = true
	}
	for name, t := range p.old.All() {
		if !dropped[name] && !put[name] {
			p.kept = append(p.kept, t)
		}
	}
	return dropped, nil
}

// metadata is the new metadata, but for the checksums of tensors that stay, which come
// apart.
func (p *plan) metadata(e *Edit) (metadata, sums map[string]string) {
	metadata, sums = p.old.Metadata(), map[string]string{}
	for _, t := range p.kept {
		key := metakey.Checksum + t.Name()
		if sum, stored := metadata[key]; stored {
			sums[key] = sum
		}
	}
	maps.DeleteFunc(metadata, func(key, _ string) bool { return strings.HasPrefix(key, metakey.Checksum) })
	if metadata == nil {
		metadata = map[string]string{}
	}
	if e.Metadata != nil {
		e.Metadata(metadata)
	}
	return metadata, sums
}

// lay makes the layout. Checksums are made of what is put where the file has any, and of
// all that have none where o asks for them.
func (p *plan) lay(o WriteOptions) (err error) {
	specs := make([]Spec, 0, len(p.kept)+len(p.put))
	for _, t := range p.kept {
		specs = append(specs, Spec{t.Name(), t.DType(), t.Shape()})
	}
	specs = append(specs, SpecsOf(p.put)...)
	had := p.hadChecksums()
	summed := func(i int) bool {
		_, stored := o.Metadata[metakey.Checksum+specs[i].Name]
		return i >= len(p.kept) || o.Checksums && !stored
	}
	if !had && !o.Checksums {
		summed = nil
	}
	if p.layout, err = newLayout(specs, o, summed); err != nil {
		return err
	}
	return p.layout.fitAll(len(p.kept), p.put)
}

// hadChecksums reports whether any tensor of the old file has one, also one that goes.
func (p *plan) hadChecksums() bool {
	metadata := p.old.metadata()
	for name := range p.old.All() {
		if _, stored := metadata[metakey.Checksum+name]; stored {
			return true
		}
	}
	return false
}

// checkAliases refuses to drop a tensor that the metadata has other names for.
func (p *plan) checkAliases(dropped map[string]bool, metadata map[string]string) error {
	before, aliases := p.old.metadata(), p.old.Aliases()
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		target := aliases[alias]
		now, stays := metadata[alias]
		if dropped[target] && stays && now == before[alias] && !p.leads(metadata, alias) {
			return fmt.Errorf("safetensors: rewrite %s: tensor %q is to be dropped, and the metadata has %q as another name of it: %w",
				p.old.path, target, alias, ErrNotFound)
		}
	}
	return nil
}

// leads reports whether a name is a tensor of the new file, or an alias of one.
func (p *plan) leads(metadata map[string]string, name string) bool {
	for range maxAliasChain + 1 {
		if _, stored := p.layout.names[name]; stored {
			return true
		}
		next, ok := metadata[name]
		if !ok {
			return false
		}
		name = next
	}
	return false
}
