package safetensors

// This file opens a set: the files that a shard index names, as one namespace.

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

const (
	// openAtOnce is how many shards are opened at the same time, at most.
	openAtOnce = 8
	// maxFailures is how many shards may fail to open before the rest is not
	// tried: an index can name millions that are not there.
	maxFailures = 8
)

// A set is the namespace of several shards, by number: of the shard, and of the
// entry of its header.
type set struct {
	index  *index // of which only the metadata is still in use
	places []place
	names  table // of places
}

type place struct{ shard, entry uint32 }

// openSet opens the set whose index src is. It owns src.
func openSet(t tree, src *source, o OpenOptions) (*File, error) {
	text, err := readIndex(src)
	if err = errors.Join(err, src.close()); err != nil {
		return nil, err
	}
	x, err := parseIndex(src.path, text, o.Lenient)
	if err != nil {
		return nil, err
	}
	x.sortShards()
	shards, err := x.open(t, o)
	if err != nil {
		return nil, err
	}
	f := fileOf(x.path, shards)
	if f.set, err = x.join(shards); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	f.forgiven = x.forgiven
	return f.loaded(o)
}

// readIndex reads the text of an index.
func readIndex(src *source) ([]byte, error) {
	if src.size > maxIndex {
		return nil, &FormatError{
			Kind: ErrShardIndex, Path: src.path,
			Detail: fmt.Sprintf("an index of %d bytes, at most %d are read", src.size, maxIndex),
		}
	}
	text := make([]byte, src.size)
	return text, src.fill(text, 0)
}

// sortShards numbers the shards by the order of their names.
func (x *index) sortShards() {
	order := make([]uint32, len(x.shards)) // the old number of each
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(x.shardOf(a), x.shardOf(b)) })
	shards, number := make([]ref, len(order)), make([]uint32, len(order))
	for i, old := range order {
		shards[i], number[old] = x.shards[old], uint32(i)
	}
	x.shards = shards
	for i := range x.entries {
		x.entries[i].shard = number[x.entries[i].shard]
	}
}

// open opens the shards, several at once. Either all are open or none is.
func (x *index) open(t tree, o OpenOptions) ([]*shard, error) {
	shards := make([]*shard, len(x.shards))
	errs := make([]error, len(x.shards))
	var failures atomic.Int32
	group := errgroup.Group{}
	group.SetLimit(min(openAtOnce, runtime.GOMAXPROCS(0)))
	for i := range shards {
		if failures.Load() >= maxFailures {
			break
		}
		group.Go(func() error {
			if shards[i], errs[i] = x.openShard(t, uint32(i), o); errs[i] != nil {
				failures.Add(1)
			}
			return nil
		})
	}
	_ = group.Wait() // errors are in errs, in the order of the shards
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, closeAll(shards))
	}
	return shards, nil
}

func (x *index) openShard(t tree, i uint32, o OpenOptions) (*shard, error) {
	name := string(x.shardOf(i))
	if !filepath.IsLocal(name) {
		return nil, x.faultOf(x.listedIn(i), mapKey, "shard %q: the name has a meaning of its own on this system", name)
	}
	src, err := t.source(t.join(t.folder(x.path), name))
	if errors.Is(err, fs.ErrNotExist) {
		// Not wrapped: who starts anew where nothing is must not where a part is missing.
		tensors := x.listedIn(i)
		return nil, x.faultOf(tensors, mapKey, "shard %q is missing, and with it %s", name, tensors)
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return newShard(src, o)
}

// listedIn is the tensors that weight_map has in a shard.
func (x *index) listedIn(shard uint32) *someNames {
	names := &someNames{}
	for i := range x.entries {
		if x.entries[i].shard == shard {
			names.add(x.nameOf(uint32(i)))
		}
	}
	return names
}

// faultOf is an error of the index that names the first of some tensors.
func (x *index) faultOf(tensors *someNames, field, format string, args ...any) *FormatError {
	f := &FormatError{Kind: ErrShardIndex, Path: x.path, Field: field, Detail: fmt.Sprintf(format, args...)}
	if tensors.n > 0 {
		f.Tensor = tensors.names[0]
	}
	return f
}

// join checks that index and shards say the same, and makes the namespace. What is
// wrong with single tensors is in the error all at once, by shard.
func (x *index) join(shards []*shard) (*set, error) {
	if err := x.sameDigests(shards); err != nil {
		return nil, err
	}
	s := &set{index: x, places: make([]place, 0, len(x.entries)), names: newTable(len(x.entries), len(x.entries))}
	before := len(x.forgiven)
	var errs []error
	for i := range shards {
		errs = append(errs, x.place(s, shards, uint32(i)))
	}
	if len(s.places) < len(x.entries) {
		errs = append(errs, x.missing(shards)...)
	}
	err := errors.Join(errs...)
	if err == nil && len(x.forgiven) == before { // else the total says the same again
		err = x.compareTotal(s.total(shards))
	}
	x.release()
	return s, err
}

// sameDigests refuses shards of another save than the index.
func (x *index) sameDigests(shards []*shard) error {
	errs := make([]error, len(shards))
	for i, s := range shards {
		errs[i] = x.sameDigest(s)
	}
	return errors.Join(errs...)
}

func (x *index) sameDigest(s *shard) error {
	got, ok := s.h.metadataValue(metakey.Set)
	if want := x.bytes(x.set); ok != x.seen[metakey.Set] || ok && got != string(want) {
		return &FormatError{
			Kind: ErrShardIndex, Path: x.path, Field: metakey.Set,
			Detail: fmt.Sprintf("shard %s has %s, the index %s: they are of different sets",
				s.src.path, spellDigest([]byte(got), ok), spellDigest(want, x.seen[metakey.Set])),
		}
	}
	return nil
}

func spellDigest(digest []byte, ok bool) string {
	if !ok {
		return "none"
	}
	return strconv.Quote(string(clip(digest)))
}

// place gives the tensors of a shard their places in s.
func (x *index) place(s *set, shards []*shard, number uint32) error {
	h := shards[number].h
	unlisted, elsewhere := &someNames{}, &someNames{}
	for i := range h.entries {
		name := h.nameOf(uint32(i))
		switch j, ok := x.lookup(name); {
		case !ok:
			unlisted.add(name)
		case x.entries[j].shard != number:
			elsewhere.add(name)
		default:
			s.places = append(s.places, place{number, uint32(i)})
			s.names.add(name, uint32(len(s.places)-1), s.nameOf(shards))
		}
	}
	var errs []error
	if unlisted.n > 0 {
		errs = append(errs, x.complain(x.faultOf(unlisted, mapKey,
			"shard %q holds %s, not in weight_map; a lenient reader passes over them", x.shardOf(number), unlisted)))
	}
	if elsewhere.n > 0 {
		errs = append(errs, x.complain(x.faultOf(elsewhere, mapKey,
			"shard %q holds %s, for which weight_map names another shard; a lenient reader goes by weight_map", x.shardOf(number), elsewhere)))
	}
	return errors.Join(errs...)
}

// missing is an error for each shard that lacks what weight_map has in it.
func (x *index) missing(shards []*shard) []error {
	lacks := make([]someNames, len(shards))
	for i, e := range x.entries {
		if _, ok := shards[e.shard].h.lookup(string(x.bytes(e.name))); !ok {
			lacks[e.shard].add(x.nameOf(uint32(i)))
		}
	}
	var errs []error
	for i := range lacks {
		if lacks[i].n > 0 {
			errs = append(errs, x.faultOf(&lacks[i], mapKey, "shard %q does not hold %s", x.shardOf(uint32(i)), &lacks[i]))
		}
	}
	return errs
}

// total is how many bytes the tensors of the set take.
func (s *set) total(shards []*shard) (n uint64) {
	for _, p := range s.places {
		e := &shards[p.shard].h.entries[p.entry]
		n += e.end - e.begin
	}
	return n
}

// compareTotal compares total_size, where the index has one, with got. Writers
// spell it as an integer or, from long ago, as a float.
func (x *index) compareTotal(got uint64) error {
	if x.total == nil {
		return nil
	}
	if want, err := strconv.ParseUint(string(clip(x.total)), 10, 64); err == nil && want == got {
		return nil
	}
	// No float64 below 2^53 stands for more than one integer.
	if want, err := strconv.ParseFloat(string(clip(x.total)), 64); err == nil && got < 1<<53 && want == math.Trunc(want) && want == float64(got) {
		return nil
	}
	return x.complain(&FormatError{
		Field:  totalKey,
		Detail: fmt.Sprintf("is %q, the tensors take %d bytes; a lenient reader passes over it", clip(x.total), got),
	})
}

// release lets go of all but the metadata.
func (x *index) release() {
	x.entries, x.names, x.shards, x.files, x.arena = nil, table{}, nil, table{}, nil
}

// at returns the tensor of that place.
func (s *set) at(shards []*shard, i int) Tensor {
	p := s.places[i]
	return shards[p.shard].tensor(&shards[p.shard].h.entries[p.entry])
}

// lookup returns the place of a tensor.
func (s *set) lookup(shards []*shard, name string) (uint32, bool) {
	return s.names.lookup(name, s.nameOf(shards))
}

// nameOf gives the names of places.
func (s *set) nameOf(shards []*shard) func(uint32) []byte {
	return func(i uint32) []byte { return shards[s.places[i].shard].h.nameOf(s.places[i].entry) }
}

// mergeMetadata is what the index says, and for keys that it lacks what the first
// shard that has them says.
func (s *set) mergeMetadata(shards []*shard) map[string]string {
	merged := s.index.metadataOf()
	for _, from := range shards {
		for k, v := range from.metadata() {
			if merged == nil {
				merged = map[string]string{}
			}
			if _, ok := merged[k]; !ok {
				merged[k] = v
			}
		}
	}
	return merged
}
