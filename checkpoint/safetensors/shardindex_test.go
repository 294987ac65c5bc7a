package safetensors

// This file is about indexes that mean harm: what they cost, and that whatever
// opens is what its index says.

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// indexBound is the memory that opening a set may allocate, all its files apart.
func indexBound(index int) int { return 6*index + 1<<20 }

// weights is a weight_map of n members.
func weights(n int, member func(i int) string) string {
	return `{"weight_map":{` + many(n, member) + `}}`
}

// hostileIndexes seem to claim much for their length.
var hostileIndexes = map[string]func() string{
	"tensors of one shard": func() string {
		return weights(200_000, func(i int) string { return `"` + distinct(i, 3) + `":"a.safetensors"` })
	},
	"shards": func() string {
		return weights(100_000, func(i int) string { return `"` + distinct(i, 3) + `":"` + shardNo(i) + `"` })
	},
	"tensors with escapes": func() string {
		return weights(100_000, func(i int) string { return `"\n` + distinct(i, 3) + `":"a.safetensors"` })
	},
	"shards with escapes": func() string {
		return weights(100_000, func(i int) string { return `"` + distinct(i, 3) + `":"\u0061` + shardNo(i) + `"` })
	},
	"one tensor": func() string { return weights(200_000, func(int) string { return `"":"a.safetensors"` }) },
	"one shard, by turns": func() string {
		return weights(200_000, func(i int) string { return fmt.Sprintf(`"":"%c.safetensors"`, 'a'+i%2) })
	},
	"empty strings": func() string { return weights(200_000, func(int) string { return `"":""` }) },
	"long names": func() string {
		return weights(6, func(i int) string { return fmt.Sprintf(`"%d%s":"a.safetensors"`, i, strings.Repeat("x", 1<<20)) })
	},
	"long name, many times": func() string {
		return weights(6, func(int) string { return `"` + strings.Repeat("x", 1<<20) + `":"a.safetensors"` })
	},
	"long shard": func() string {
		return weights(1, func(int) string { return `"a":"` + strings.Repeat("x", 4<<20) + `.safetensors"` })
	},
	"metadata": func() string {
		return `{"metadata":{` + many(200_000, func(i int) string { return `"` + distinct(i, 3) + `":""` }) + `},"weight_map":{}}`
	},
	"metadata with escapes": func() string {
		return `{"metadata":{` + many(200_000, func(i int) string { return `"\n` + distinct(i, 3) + `":"\n"` }) + `},"weight_map":{}}`
	},
	"long total": func() string {
		return `{"metadata":{"total_size":"` + strings.Repeat(`"`[:0]+"x", 4<<20) + `"},"weight_map":{}}`
	},
	"total digits": func() string {
		return `{"metadata":{"total_size":1` + strings.Repeat("0", 4<<20) + `},"weight_map":{}}`
	},
	"long digest": func() string {
		return `{"metadata":{"kibisis.set":"` + strings.Repeat("x", 4<<20) + `"},"weight_map":{"a":"a.safetensors"}}`
	},
	"deep":      func() string { return `{"x":` + strings.Repeat("[", 4<<20) },
	"many maps": func() string { return `{` + many(100_000, func(int) string { return `"weight_map":{}` }) + `}` },
	"quotes": func() string {
		return `{"x":[` + many(500_000, func(int) string { return `""` }) + `],"weight_map":{}}`
	},
}

func shardNo(i int) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/:\`, r) {
			return 'é'
		}
		return r
	}, distinct(i, 3)) + ".safetensors"
}

func TestHostileIndexesCostLittle(t *testing.T) {
	skipIfRaced(t)
	one := frame("{}", nil)
	for name, text := range hostileIndexes {
		t.Run(name, func(t *testing.T) {
			text := text()
			set := fstest.MapFS{indexName: {Data: []byte(text)}, "a.safetensors": {Data: one}, "b.safetensors": {Data: one}}
			for _, o := range []*OpenOptions{nil, {Lenient: true}} {
				got := allocated(func() {
					if f, err := OpenFS(set, indexName, o); err == nil {
						require.NoError(t, f.Close())
					}
				})
				require.LessOrEqual(t, got, indexBound(len(text)), "%.2f times an index of %d bytes", float64(got)/float64(len(text)), len(text))
			}
		})
	}
}

// One tensor that stands in more shards than so long a text could name tensors: here
// 2^19 numbers would do for the tensors, and do not for the shards.
func TestIndexOfMoreShardsThanTensors(t *testing.T) {
	const n = 1<<19 + 20_000
	shards := map[string]bool{}
	var b strings.Builder
	b.WriteString(`{"weight_map":{`)
	for i := 0; len(shards) < n; i++ {
		name := shardNo(i)
		if len(name) != len("abc"+shardSuffix) || shards[name] {
			continue
		}
		if shards[name] = true; len(shards) > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"":"%s"`, name)
	}
	b.WriteString("}}")
	x, err := parseIndex("i", []byte(b.String()), true)
	require.NoError(t, err)
	require.Len(t, x.entries, 1)
	require.Len(t, x.shards, n)
	for i := range x.shards {
		number, ok := x.files.lookup(string(x.shardOf(uint32(i))), x.shardOf)
		if !ok || number != uint32(i) {
			t.Fatalf("shard %d is %d, %v", i, number, ok)
		}
	}
}

func TestIndexOfTooManyBytes(t *testing.T) {
	_, err := readIndex(&source{path: "i", r: stingyReader(nil), size: maxIndex + 1})
	require.ErrorIs(t, err, ErrShardIndex)
	require.ErrorContains(t, err, "100000001 bytes, at most 100000000")
}

// FuzzIndex takes an index, over two shards that are always the same and one that
// is as given.
func FuzzIndex(f *testing.F) {
	for _, c := range setCases {
		set := baseSet(f)
		c.edit(set)
		shard := set[shard2]
		if shard == nil {
			shard = &fstest.MapFile{}
		}
		f.Add(string(set[indexName].Data), shard.Data, false)
		f.Add(string(set[indexName].Data), shard.Data, true)
	}
	f.Fuzz(func(t *testing.T, text string, shard []byte, lenient bool) {
		set := baseSet(t)
		set[indexName] = &fstest.MapFile{Data: []byte(text)}
		set[shard2] = &fstest.MapFile{Data: shard}
		bound := indexBound(len(text))
		for _, file := range set {
			bound += 4*len(file.Data) + 1<<20
		}
		var file *File
		var err error
		got := allocated(func() { file, err = OpenFS(set, indexName, &OpenOptions{Lenient: lenient}) })
		require.LessOrEqual(t, got, bound)
		if err != nil {
			return
		}
		requireSet(t, file, text, lenient)
		require.NoError(t, file.Close())
	})
}

// requireSet requires that f is what the text of its index says, by another reader
// of JSON.
func requireSet(t *testing.T, f *File, text string, lenient bool) {
	t.Helper()
	want := weightMapOf(t, text)
	require.Equal(t, len(want), f.Len())
	for name, shard := range want {
		x := tensorOf(t, f, name)
		require.Equal(t, shard, x.Path())
		require.Len(t, bytesOf(t, x), int(x.Size()))
	}
	names := f.Names()
	slices.Sort(names)
	require.Len(t, slices.Compact(names), len(want))
	require.True(t, slices.IsSorted(f.Shards()))
	if !lenient {
		require.Empty(t, f.Forgiven())
	}
	f.Aliases()
	f.Metadata()
}

// weightMapOf is the weight_map that encoding/json sees. It keeps the case of keys
// only where it decodes into maps.
func weightMapOf(t *testing.T, text string) map[string]string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(text), &all))
	var weights map[string]string
	require.NoError(t, json.Unmarshal(all[mapKey], &weights))
	return weights
}
