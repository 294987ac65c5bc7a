package cli

// This file gathers what show prints about a file.

import (
	"cmp"
	"iter"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// A listing is an open file with what show needs to look up quickly. Rows are
// made while they are printed: a file may have a million tensors.
type listing struct {
	f        *safetensors.File
	isSet    bool
	metadata map[string]string
	aliases  map[string][]string // by tensor, sorted
}

// A row is what is shown of a tensor.
type row struct {
	Name    string   `json:"name"`
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Bytes   int64    `json:"bytes"`
	Offset  int64    `json:"offset"` // from the start of the file that it lies in
	Aliases []string `json:"aliases"`
	File    string   `json:"file,omitempty"` // the name of the shard, in a set
}

func newListing(f *safetensors.File) *listing {
	l := &listing{f: f, isSet: f.Shards() != nil, metadata: f.Metadata(), aliases: map[string][]string{}}
	aliases := f.Aliases()
	for _, alias := range slices.Sorted(maps.Keys(aliases)) {
		stored := aliases[alias]
		l.aliases[stored] = append(l.aliases[stored], alias)
	}
	return l
}

// rows yields the tensors in file order.
func (l *listing) rows() iter.Seq[row] {
	return func(yield func(row) bool) {
		for name, t := range l.f.All() {
			begin, _ := t.Range()
			r := row{
				Name: name, DType: t.DType().String(), Shape: orNone(t.Shape()),
				Bytes: t.Size(), Offset: begin, Aliases: orNone(l.aliases[name]),
			}
			if l.isSet {
				r.File = filepath.Base(t.Path())
			}
			if !yield(r) {
				return
			}
		}
	}
}

// orNone makes a list without elements of nil, which JSON has as null.
func orNone[T any](s []T) []T { return append([]T{}, s...) }

// checksums counts the tensors that have one.
func (l *listing) checksums() (n int64) {
	for name := range l.f.All() {
		if _, ok := l.metadata[metakey.Checksum+name]; ok {
			n++
		}
	}
	return n
}

// keys returns the metadata's keys, but for checksums, sorted.
func (l *listing) keys() []string {
	keys := slices.Sorted(maps.Keys(l.metadata))
	return slices.DeleteFunc(keys, func(k string) bool { return strings.HasPrefix(k, metakey.Checksum) })
}

// A total is the sum over the tensors of one dtype, or of all.
type total struct {
	dtype             string
	tensors           int64
	parameters, bytes int64
}

// totals returns the sums of each dtype, the largest first, and of all.
func (l *listing) totals() []total {
	byDType, all := map[safetensors.DType]total{}, total{dtype: "total"}
	for _, t := range l.f.All() {
		d := t.DType()
		one := total{tensors: 1, parameters: t.Size() * 8 / int64(d.Bits()), bytes: t.Size()}
		sum := byDType[d]
		sum.dtype = d.String()
		sum.add(one)
		byDType[d] = sum
		all.add(one)
	}
	sums := slices.SortedFunc(maps.Values(byDType), func(a, b total) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), strings.Compare(a.dtype, b.dtype))
	})
	return append(sums, all)
}

func (t *total) add(o total) {
	t.tensors += o.tensors
	t.parameters += o.parameters
	t.bytes += o.bytes
}
