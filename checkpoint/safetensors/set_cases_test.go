package safetensors

// This file is what can be wrong between an index and its shards, case by case.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// setEdit changes a set that is right.
type setEdit func(set fstest.MapFS)

// inIndex replaces text of the index.
func inIndex(old, new string) setEdit {
	return func(set fstest.MapFS) {
		if !strings.Contains(baseIndex, old) {
			panic("the index does not hold " + old)
		}
		set[indexName] = &fstest.MapFile{Data: []byte(strings.Replace(baseIndex, old, new, 1))}
	}
}

func wholeIndex(text string) setEdit {
	return func(set fstest.MapFS) { set[indexName] = &fstest.MapFile{Data: []byte(text)} }
}

// shardOf replaces a shard.
func shardOf(name string, metadata map[string]string, src ...Source) setEdit {
	return func(set fstest.MapFS) { set[name] = &fstest.MapFile{Data: encodedOrPanic(metadata, src)} }
}

func encodedOrPanic(metadata map[string]string, src []Source) []byte {
	var w writeBuffer
	if err := Encode(&w, src, &WriteOptions{Metadata: metadata}); err != nil {
		panic(err)
	}
	return w
}

func edits(all ...setEdit) setEdit {
	return func(set fstest.MapFS) {
		for _, edit := range all {
			edit(set)
		}
	}
}

// named renames a shard in the index.
func named(name string) setEdit {
	quoted, err := json.Marshal(name)
	if err != nil {
		panic(err)
	}
	return inIndex(`"model-2.safetensors"`, string(quoted))
}

func oneByte(name string) Source {
	return Source{Name: name, DType: U8, Shape: []int{1}, Data: []byte{7}}
}

func digestIn(key, digest string) setEdit {
	return inIndex(`"total_size":35`, fmt.Sprintf(`%q:%s`, key, digest))
}

const (
	digest1 = "00112233445566778899aabbccddeeff"
	digest2 = "00112233445566778899aabbccddee00"
)

func digests(one, two, three string) setEdit {
	return edits(
		shardOf(shard1, map[string]string{metakey.Set: one}, baseTensors[shard1]...),
		shardOf(shard2, map[string]string{metakey.Set: two}, baseTensors[shard2]...),
		shardOf(shard3, map[string]string{metakey.Set: three}, baseTensors[shard3]...),
	)
}

// setCases are one edit each. An error is named by words of it, "" is none.
var setCases = []struct {
	name            string
	edit            setEdit
	strict, lenient string
}{
	{"X1 up", named("../model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 below", named("sub/model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 absolute", named("/model-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 backslash", named(`..\model-2.safetensors`), `plain file name`, `plain file name`},
	{"X1 drive", named(`C:model-2.safetensors`), `plain file name`, `plain file name`},
	{"X1 NUL", named("model-2\x00.safetensors"), `plain file name`, `plain file name`},
	{"X1 escape sequence", named("\x1b[2Jmodel-2.safetensors"), `plain file name`, `plain file name`},
	{"X1 empty", named(""), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 dot", named("."), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 dots", named(".."), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 suffix only", named(".safetensors"), `ends in .safetensors`, `ends in .safetensors`},
	{"X1 long", named(strings.Repeat("x", 244) + ".safetensors"), `a file name of 256 bytes`, `a file name of 256 bytes`},
	{"X2", named("model-2.bin"), `ends in .safetensors`, `ends in .safetensors`},
	{"X3", func(set fstest.MapFS) { delete(set, shard1) }, `"model-1.safetensors" is missing, and with it "a.weight", "a.bias"`, `is missing`},
	{"X4", inIndex(`"b":`, `"no":"model-1.safetensors","b":`), `shard "model-1.safetensors" does not hold "no"`, `does not hold "no"`},
	{"X4 shard without tensors", shardOf(shard2, nil), `shard "model-2.safetensors" does not hold "b"`, `does not hold "b"`},
	{"X5", inIndex(`,"a.bias":"model-1.safetensors"`, ``), `shard "model-1.safetensors" holds "a.bias", not in weight_map`, ``},
	{"X6", shardOf(shard2, nil, append(baseTensors[shard2], oneByte("c"))...), `shard "model-2.safetensors" holds "c", for which weight_map names another`, ``},
	{"X6 two shards change places", inIndex(`"b":"model-2.safetensors","c":"other.safetensors"`, `"b":"other.safetensors","c":"model-2.safetensors"`), `does not hold "c"`, `does not hold "c"`},
	{"X7 more", inIndex(`35`, `36`), `field "total_size": index: is "36", the tensors take 35 bytes; a lenient reader`, ``},
	{"X7 less", inIndex(`35`, `34`), `is "34"`, ``},
	{"X7 half", inIndex(`35`, `35.5`), `is "35.5"`, ``},
	{"X7 negative", inIndex(`35`, `-35`), `is "-35"`, ``},
	{"X7 string", inIndex(`35`, `"35"`), `is "\"35\""`, ``},
	{"X7 null", inIndex(`35`, `null`), `is "null"`, ``},
	{"X7 float", inIndex(`35`, `35.0`), ``, ``},
	{"X7 exponent", inIndex(`35`, `3.5e1`), ``, ``},
	{"X7 absent", inIndex(`"total_size":35,`, ``), ``, ``},
	{"X7 twice", inIndex(`"total_size":35,`, `"total_size":35,"total_size":35,`), `stands twice`, `stands twice`},
	{"X8 extra keys", inIndex(`{"metadata"`, `{"x":[1,{"y":null}],"__metadata__":0,"metadata"`), ``, ``},
	{"X8 no metadata", inIndex(`"metadata":{"total_size":35,"a.tied":"a.weight","format":"index"},`, ``), ``, ``},
	{"X8 null metadata", inIndex(`{"total_size":35,"a.tied":"a.weight","format":"index"}`, `null`), ``, ``},
	{"X8 metadata is a list", inIndex(`{"total_size":35,"a.tied":"a.weight","format":"index"}`, `[]`), `want '{'`, `want '{'`},
	{"X9 same shard", inIndex(`"b":`, `"b":"model-2.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 other shard first", inIndex(`"b":`, `"b":"other.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 other shard last", inIndex(`"c":"other.safetensors"`, `"c":"other.safetensors","b":"other.safetensors"`), `names "b" more than once`, `does not hold "b"`},
	{"X9 spelled otherwise", inIndex(`"b":`, `"\u0062":"model-2.safetensors","b":`), `names "b" more than once`, ``},
	{"X9 two maps", inIndex(`{"metadata"`, `{"weight_map":{},"metadata"`), `field "weight_map"`, `stands twice`},
	{"X9 two metadata", inIndex(`{"metadata"`, `{"metadata":{},"metadata"`), `field "metadata"`, `stands twice`},
	{"X10 byte order mark", wholeIndex("\ufeff" + baseIndex), `byte order mark`, `byte order mark`},
	{"X10 not UTF-8", inIndex(`"b":`, "\"\xff\":\"model-2.safetensors\",\"b\":"), `not UTF-8`, `not UTF-8`},
	{"X10 half a surrogate", inIndex(`"b":`, `"\ud800":"model-2.safetensors","b":`), `surrogate`, `surrogate`},
	{"X10 map is a list", wholeIndex(`{"weight_map":[]}`), `field "weight_map": bytes [14:15)`, `want an object`},
	{"X10 map is null", wholeIndex(`{"weight_map":null}`), `want an object`, `want an object`},
	{"X10 no map", wholeIndex(`{"metadata":{}}`), `field "weight_map": index: the index has none`, `has none`},
	{"X10 value is a number", inIndex(`"b":"model-2.safetensors"`, `"b":2`), `tensor "b": field "weight_map"`, `want the name of a shard`},
	{"X10 value is null", inIndex(`"b":"model-2.safetensors"`, `"b":null`), `want the name of a shard`, `want the name of a shard`},
	{"X10 empty", wholeIndex(``), `the index ends where`, `the index ends where`},
	{"X10 cut", wholeIndex(baseIndex[:60]), `the index ends where`, `the index ends where`},
	{"X10 a list", wholeIndex(`[]`), `bytes [0:1): index: found '['`, `found '['`},
	{"X10 more behind", wholeIndex(baseIndex + `x`), `nothing but white space`, `nothing but white space`},
	{"X10 white space", wholeIndex("\r\n\t " + baseIndex + "\n"), ``, ``},
	{"X12", wholeIndex(`{"metadata":{"total_size":0},"weight_map":{}}`), ``, ``},
	{"X13", edits(func(set fstest.MapFS) { set["Gewichte 1&2, groß.safetensors"] = set[shard2] }, named("Gewichte 1&2, groß.safetensors")), ``, ``},
	{"X13 escaped", inIndex(`"model-2.safetensors"`, `"\u006dodel-2.safetensors"`), ``, ``},
	{"shard is broken", func(set fstest.MapFS) { set[shard2].Data = set[shard2].Data[:100] }, `model-2.safetensors: `, `model-2.safetensors: `},

	{"digest", edits(digestIn(metakey.Set, `"`+digest1+`"`), digests(digest1, digest1, digest1)), ``, ``},
	{"digest, one shard has another", edits(digestIn(metakey.Set, `"`+digest1+`"`), digests(digest1, digest2, digest1)), `shard model-2.safetensors has "` + digest2 + `", the index "` + digest1, `different sets`},
	{"digest, one shard has none", edits(digestIn(metakey.Set, `"`+digest1+`"`), digests(digest1, digest1, digest1), shardOf(shard3, nil, baseTensors[shard3]...)), `shard other.safetensors has none`, `different sets`},
	{"digest, the index has none", digests(digest1, digest1, digest1), `the index none`, `different sets`},
	{"digest, only one shard has one", shardOf(shard1, map[string]string{metakey.Set: digest1}, baseTensors[shard1]...), `shard model-1.safetensors has "` + digest1 + `", the index none`, `different sets`},
	{"digest, only the index has one", digestIn(metakey.Set, `"`+digest1+`"`), `shard model-1.safetensors has none`, `different sets`},
	{"digest is a number", digestIn(metakey.Set, `1`), `field "kibisis.set"`, `want '"'`},
}

func TestSetCases(t *testing.T) {
	for _, c := range setCases {
		for _, o := range []OpenOptions{{}, {Lenient: true}} {
			t.Run(fmt.Sprintf("%s/lenient=%v", c.name, o.Lenient), func(t *testing.T) {
				set := baseSet(t)
				c.edit(set)
				want := c.strict
				if o.Lenient {
					want = c.lenient
				}
				f, err := opensAs(t, set, o)
				if want == "" {
					require.NoError(t, err)
					require.Equal(t, c.strict != "", len(f.Forgiven()) > 0)
					for _, pardon := range f.Forgiven() {
						require.ErrorIs(t, pardon, ErrShardIndex)
						require.ErrorContains(t, pardon, c.strict)
					}
					return
				}
				require.ErrorContains(t, err, want)
				for line := range strings.Lines(err.Error()) {
					requirePlain(t, errors.New(strings.TrimSuffix(line, "\n")))
				}
				if c.name != "shard is broken" {
					require.ErrorIs(t, err, ErrShardIndex)
				}
			})
		}
	}
}
