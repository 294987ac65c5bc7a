package safetensors

// This file is the plan of a set: which files there will be, and all that is in them but
// data. It does no I/O. shards_write.go carries it out.

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// maxTotal is the most data that a set holds, in bytes: with all headers it is still less
// than an int64.
const maxTotal = 1 << 62

// ShardOptions tunes WriteShards. Nil means: shards of at most 5 GB, called model.
type ShardOptions struct {
	// WriteOptions counts for every file. Of Metadata, "format" goes into each file, and
	// is "pt" where it is missing; the rest goes into the index, or into the file where
	// there is only one. Keys that begin with "kibisis." are left out: they would be
	// another set's digest and checksums. Progress counts the bytes of all files.
	WriteOptions
	// MaxSize is the most that a shard holds, in bytes of data; 0 means 5 GB, that is
	// 5,000,000,000. ParseSize reads it from text. A tensor that is larger gets a shard
	// of its own.
	MaxSize int64
	// Name begins the names of the files; "" means "model". Variants have their own:
	// "model.fp16" makes model.fp16-00001-of-00002.safetensors.
	Name string
}

// checked returns the options with defaults filled in.
func (o *ShardOptions) checked() (ShardOptions, error) {
	if o == nil {
		o = &ShardOptions{}
	}
	c := *o
	c.MaxSize = cmp.Or(c.MaxSize, defaultShard)
	c.Name = cmp.Or(c.Name, defaultName)
	if c.MaxSize < 0 {
		return c, fmt.Errorf("safetensors: MaxSize is %d, must be 0 or more", c.MaxSize)
	}
	if err := checkSetName(c.Name); err != nil {
		return c, err
	}
	var err error
	c.WriteOptions, err = c.WriteOptions.checked()
	return c, err
}

// A shardPlan is a set before its first byte.
type shardPlan struct {
	opt    ShardOptions
	specs  []Spec
	byName []int // specs in the order of their names' bytes
	sizes  []int64
	total  int64 // of sizes
	files  []plannedFile
	index  *indexText // nil where there is one file only
}

// A plannedFile is one file of tensors.
type plannedFile struct {
	name    string
	tensors []int // numbers of its specs
	layout  *layout
	src     []Source // where data is given as such: see take
}

// planShards checks everything that can be checked before there is data. It keeps specs.
func planShards(specs []Spec, o *ShardOptions) (*shardPlan, error) {
	opt, err := o.checked()
	if err != nil {
		return nil, err
	}
	p := &shardPlan{opt: opt, specs: specs}
	if err := p.measure(); err != nil {
		return nil, err
	}
	if err := p.sortNames(); err != nil {
		return nil, err
	}
	groups := split(p.sizes, opt.MaxSize)
	if len(groups) > maxShards {
		return nil, fmt.Errorf("safetensors: MaxSize of %d makes %d shards, at most %d can be numbered", opt.MaxSize, len(groups), maxShards)
	}
	return p, p.layOut(groups)
}

// measure fills sizes and total.
func (p *shardPlan) measure() (err error) {
	p.sizes = make([]int64, len(p.specs))
	for i, s := range p.specs {
		if p.sizes[i], err = s.size(); err != nil {
			return err
		}
		if p.sizes[i] > maxTotal-p.total {
			return refuse(s, ErrOverflow, "the set would be longer than 2^62 bytes")
		}
		p.total += p.sizes[i]
	}
	return nil
}

// sortNames fills byName. Names must be unique in the whole set.
func (p *shardPlan) sortNames() error {
	p.byName = make([]int, len(p.specs))
	for i := range p.byName {
		p.byName[i] = i
	}
	slices.SortFunc(p.byName, func(a, b int) int { return cmp.Compare(p.specs[a].Name, p.specs[b].Name) })
	for k := 1; k < len(p.byName); k++ {
		if name := p.specs[p.byName[k]].Name; name == p.specs[p.byName[k-1]].Name {
			return errTwice(name)
		}
	}
	return nil
}

// layOut fills files and index.
func (p *shardPlan) layOut(groups [][]int) error {
	forFile, forIndex, err := p.metadata(len(groups) > 1)
	if err != nil {
		return err
	}
	opt := p.opt.WriteOptions
	opt.Metadata = forFile
	for n, group := range groups {
		f := plannedFile{name: shardName(p.opt.Name, n, len(groups)), tensors: group}
		specs := make([]Spec, len(group))
		for k, i := range group {
			specs[k] = p.specs[i]
		}
		if f.layout, err = layoutOf(specs, opt); err != nil {
			return err
		}
		p.files = append(p.files, f)
	}
	if forIndex == nil {
		return nil
	}
	p.index = newIndexText(p.total, forIndex, p.files)
	return p.index.check(shardIndexName(p.opt.Name))
}

// take gives every file its sources, whose data must fit. They are those of the specs.
func (p *shardPlan) take(src []Source) error {
	for n := range p.files {
		f := &p.files[n]
		f.src = src // the tensors of one file are all, in their order
		if len(p.files) > 1 {
			f.src = make([]Source, len(f.tensors))
			for k, i := range f.tensors {
				f.src[k] = src[i]
			}
		}
		if err := f.layout.fitAll(0, f.src); err != nil {
			return err
		}
	}
	return nil
}

// drop forgets the sources.
func (p *shardPlan) drop() {
	for n := range p.files {
		p.files[n].src = nil
	}
}

// metadata divides the caller's among files and index, which is nil where there is none.
func (p *shardPlan) metadata(sharded bool) (forFile, forIndex map[string]string, err error) {
	forFile = map[string]string{metakey.Format: "pt"}
	rest := forFile
	if sharded {
		forIndex = map[string]string{metakey.Set: noSet}
		rest = forIndex
	}
	for key, value := range p.opt.Metadata {
		switch {
		case strings.HasPrefix(key, metakey.Own):
		case key == totalKey:
			return nil, nil, &FormatError{Kind: ErrReserved, Field: key, Detail: "the key of the metadata is the index's own"}
		case key == metakey.Format:
			forFile[key] = value
		default:
			rest[key] = value
		}
		if err := checkText(key, value); err != nil {
			return nil, nil, err
		}
	}
	if sharded {
		forFile[metakey.Set] = noSet
	}
	return forFile, forIndex, nil
}
