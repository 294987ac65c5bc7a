package safetensors

// This file reads a shard index: the JSON that says in which file of a set each
// tensor lies. Whether the files agree with it is seen in set.go.

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

const (
	// maxIndex is the longest index in bytes, the limit of headers.
	maxIndex = maxHeader
	// minListed is the fewest bytes that weight_map spends on a tensor with a name
	// of three bytes: `"abc":"a.safetensors",`.
	minListed = 22
	// minNamed is the fewest bytes that it spends on a shard with a name of three
	// bytes and the suffix, however often a tensor stands in it: `"":"abc.safetensors",`.
	minNamed = 21
	// maxShardName is the longest name of a file in bytes, on most systems.
	maxShardName = 255
	// shardSuffix ends the name of every shard.
	shardSuffix = ".safetensors"

	mapKey      = "weight_map"
	metadataKey = "metadata"
	totalKey    = "total_size"
)

// A listed is one tensor of weight_map.
type listed struct {
	name  ref
	shard uint32
}

// An index is a parsed shard index. Like a header's entries its lists hold no
// pointer and have their size from the start, so that a hostile index costs a few
// times its own length.
type index struct {
	scanner
	path    string
	lenient bool

	entries []listed
	names   table // of entries
	shards  []ref // the names of the shards, in the order in which they appear
	files   table // of shards

	seen  map[string]bool // which of the keys that this package knows stood in the text
	meta  int             // where the metadata's '{' stands in the text; -1 without
	total []byte          // the value of total_size as it is spelled; nil without
	set   ref             // the digest, where seen has metakey.Set

	forgiven []*FormatError
}

// parseIndex reads the text of the index at path, which it keeps.
func parseIndex(path string, text []byte, lenient bool) (*index, error) {
	x := &index{scanner: scanner{text: text}, path: path, lenient: lenient, seen: map[string]bool{}, meta: -1}
	if err := x.parse(); err != nil {
		return nil, x.located(err)
	}
	return x, nil
}

func (x *index) parse() error {
	if !utf8.Valid(x.text) {
		at := invalidUTF8(x.text)
		return x.failAt(at, ErrShardIndex, "byte %#02x is not UTF-8", x.text[at])
	}
	if bytes.HasPrefix(x.text, []byte("\ufeff")) {
		return x.fail("begins with a byte order mark")
	}
	x.reserve()
	if err := x.object(x.member); err != nil {
		return err
	}
	if x.peek(); x.pos < len(x.text) {
		return x.unexpected("nothing but white space behind the object")
	}
	if !x.seen[mapKey] {
		return &FormatError{Field: mapKey, Detail: "the index has none"}
	}
	return nil
}

// located makes an error of the index from one of the scanner, which counts from
// the start of a file with a header and speaks of that.
func (x *index) located(err error) error {
	f, ok := err.(*FormatError)
	if !ok {
		return err
	}
	f.Kind, f.Path = ErrShardIndex, x.path
	f.Detail = strings.Replace(f.Detail, "the header", "the index", 1)
	if f.End > 0 {
		f.Begin, f.End = f.Begin-lengthBytes, f.End-lengthBytes
	}
	return f
}

// reserve makes room for as many tensors, and shards, as the text can name.
// Those with names under three bytes are shorter, but there are few such names.
func (x *index) reserve() {
	pairs, short := bytes.Count(x.text, []byte{'"'})/4, len(x.text)+3*maxShort
	tensors, shards := min(pairs, short/minListed), min(pairs, short/minNamed)
	x.entries, x.names = make([]listed, 0, tensors), newTable(tensors, tensors)
	x.shards, x.files = make([]ref, 0, shards), newTable(shards, shards)
}

// object takes an object and calls member behind each key.
func (x *index) object(member func(key ref) error) error {
	it := x.items('{', '}')
	for it.next() {
		key, err := x.key()
		if err != nil {
			return err
		}
		if err := member(key); err != nil {
			return err
		}
	}
	return it.err
}

func (x *index) member(key ref) error {
	switch string(x.bytes(key)) {
	case mapKey:
		return x.weightMap()
	case metadataKey:
		return x.metadata()
	}
	return x.skip()
}

// once notes that key stood in the text, which it may only once. (Were the last of
// several to count, lists would have to be cleared again and again.)
func (x *index) once(key string) error {
	if x.seen[key] {
		return x.in(key, "", x.fail("stands twice in the index"))
	}
	x.seen[key] = true
	return nil
}

// complain is for what only the strict reader refuses.
func (x *index) complain(f *FormatError) error {
	f.Kind, f.Path = ErrShardIndex, x.path
	if !x.lenient {
		return f
	}
	x.forgiven = append(x.forgiven, f)
	return nil
}

// weightMap takes the value of weight_map.
func (x *index) weightMap() error {
	if err := x.once(mapKey); err != nil {
		return err
	}
	if x.peek() != '{' {
		return x.in(mapKey, "", x.unexpected("an object of tensors and the names of their shards"))
	}
	repeated := &someNames{}
	if err := x.object(func(name ref) error { return x.weight(name, repeated) }); err != nil {
		return x.in(mapKey, "", err)
	}
	if repeated.n == 0 {
		return nil
	}
	return x.complain(&FormatError{
		Tensor: repeated.names[0], Field: mapKey,
		Detail: fmt.Sprintf("names %s more than once; a lenient reader takes the last", repeated),
	})
}

// weight takes the value of one tensor of weight_map.
func (x *index) weight(name ref, repeated *someNames) error {
	key := func() string { return string(x.bytes(name)) }
	if x.peek() != '"' {
		return x.in(mapKey, key(), x.unexpected("the name of a shard"))
	}
	shard, err := x.shard()
	if err != nil {
		return x.in(mapKey, key(), err)
	}
	i, again := x.names.add(x.bytes(name), uint32(len(x.entries)), x.nameOf)
	if again {
		repeated.add(x.bytes(name))
		x.entries[i].shard = shard
		return nil
	}
	x.entries = append(x.entries, listed{name, shard})
	return nil
}

// shard takes the name of a shard and returns its number.
func (x *index) shard() (uint32, error) {
	begin, arena := x.pos, len(x.arena)
	r, err := x.str()
	if err != nil {
		return 0, err
	}
	name := x.bytes(r)
	if n := len(x.shards); n > 0 && bytes.Equal(name, x.shardOf(uint32(n-1))) {
		x.arena = x.arena[:arena]
		return uint32(n - 1), nil
	}
	if fault := shardNameFault(name); fault != "" {
		return 0, x.failAt(begin, ErrShardIndex, "shard %q: %s", clip(name), fault)
	}
	i, again := x.files.add(name, uint32(len(x.shards)), x.shardOf)
	if again {
		x.arena = x.arena[:arena]
	} else {
		x.shards = append(x.shards, r)
	}
	return i, nil
}

// shardNameFault says why name is not that of a file beside the index, "" if it
// is. What another system would take for a path is none on this one either.
func shardNameFault(name []byte) string {
	switch {
	case bytes.ContainsAny(name, `/\:`), bytes.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "a shard is a plain file name, without '/', '\\', ':' and what cannot be printed"
	case !bytes.HasSuffix(name, []byte(shardSuffix)) || len(name) == len(shardSuffix):
		return "the name of a shard ends in " + shardSuffix
	case len(name) > maxShardName:
		return fmt.Sprintf("a file name of %d bytes, at most %d are possible", len(name), maxShardName)
	}
	return ""
}

// metadata takes the value of metadata; its strings are decoded when they are
// asked for.
func (x *index) metadata() error {
	if err := x.once(metadataKey); err != nil {
		return err
	}
	if x.peek() == 'n' {
		return x.literal("null")
	}
	x.meta = x.pos
	return x.in(metadataKey, "", x.object(x.fact))
}

// fact takes one member of the metadata.
func (x *index) fact(key ref) (err error) {
	switch string(x.bytes(key)) {
	case totalKey:
		if err := x.once(totalKey); err != nil {
			return err
		}
		x.peek()
		begin := x.pos
		err = x.skip()
		x.total = x.text[begin:x.pos]
	case metakey.Set:
		if err := x.once(metakey.Set); err != nil {
			return err
		}
		x.set, err = x.str()
		err = x.in(metakey.Set, "", err)
	default:
		err = x.skip()
	}
	return err
}

// in adds the place to an error that has none.
func (x *index) in(field, tensor string, err error) error {
	if f, ok := err.(*FormatError); ok && f.Field == "" {
		f.Field, f.Tensor = field, tensor
	}
	return err
}

func (x *index) nameOf(i uint32) []byte  { return x.bytes(x.entries[i].name) }
func (x *index) shardOf(i uint32) []byte { return x.bytes(x.shards[i]) }

// lookup returns the place of a tensor in entries.
func (x *index) lookup(name []byte) (uint32, bool) {
	return x.names.lookup(string(name), x.nameOf)
}

// metadataOf returns the strings among the metadata.
func (x *index) metadataOf() map[string]string {
	if x.meta < 0 {
		return nil
	}
	// A copy without the arena: the strings of this one may be in use.
	s := index{scanner: scanner{text: x.text, pos: x.meta}}
	m := map[string]string{}
	err := s.object(func(key ref) error {
		k := string(s.bytes(key))
		if s.peek() != '"' {
			delete(m, k)
			return s.skip()
		}
		v, err := s.str()
		m[k] = string(s.bytes(v))
		return err
	})
	if err != nil {
		panic("safetensors: an index that was parsed before: " + err.Error())
	}
	return m
}
