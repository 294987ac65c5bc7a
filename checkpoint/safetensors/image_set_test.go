package safetensors

// This file is about images of sets: they are the files that WriteShards makes.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// placedSet plans the images of src, in memory that was used before.
func placedSet(t tb, src []Source, o *ShardOptions) *ShardImages {
	t.Helper()
	s, err := PlanShardImages(SpecsOf(src), o)
	require.NoError(t, err)
	for _, m := range s.All() {
		require.NoError(t, m.Place(bytes.Repeat([]byte{0xa5}, int(m.Size()))))
	}
	return s
}

// imagesOf are all files of a set as they are in memory.
func imagesOf(s *ShardImages) map[string]string {
	files := map[string]string{}
	for name, m := range s.All() {
		files[name] = string(m.mem)
	}
	if name, text := s.Index(); name != "" {
		files[name] = string(text)
	}
	return files
}

// Whatever the tensors and the sizes, at the first save and at the next: the images are the
// files of the folder.
func TestShardImagesAreTheFolder(t *testing.T) {
	parent, sets := t.TempDir(), 0
	rapid.Check(t, func(rt *rapid.T) {
		src, o := anySources(rt), &ShardOptions{
			WriteOptions: *anyOptions(rt), MaxSize: rapid.Int64Range(1, 40_000).Draw(rt, "max"),
			Name: rapid.SampledFrom([]string{"", "optimizer"}).Draw(rt, "name"),
		}
		o.NoSync = true
		delete(o.Metadata, totalKey)
		s := placedSet(rt, src, o)
		for round := range 2 {
			sets++
			dir := filepath.Join(parent, fmt.Sprint(sets))
			require.NoError(rt, WriteShards(t.Context(), dir, src, o))
			require.NoError(rt, s.Fill(t.Context(), src))
			require.NoError(rt, s.Seal(t.Context()))
			require.Equal(rt, filesOf(rt, dir), imagesOf(s))
			requireSumsOfSet(rt, s)
			for i := range src {
				src[i].Data = bytes.Clone(src[i].Data)
				for k := range src[i].Data {
					src[i].Data[k] += byte(i + k + round)
				}
			}
		}
	})
}

// requireSumsOfSet compares what the images say with their bytes.
func requireSumsOfSet(t tb, s *ShardImages) {
	t.Helper()
	for name, m := range s.All() {
		require.Equal(t, checksum(m.mem), m.FileSum(), name)
		i := 0
		for tensor, sum := range m.Sums() {
			require.Equal(t, m.l.specs[i].Name, tensor)
			require.Equal(t, checksum(m.Tensor(i)), sum, tensor)
			i++
		}
	}
}

// Tensors are found by their place in the specs, also those that got a shard before others.
func TestTensorOfASet(t *testing.T) {
	src := counters(5, 10)
	src[2] = piece("large", U8, 0, 100, 100)
	s := placedSet(t, src, &ShardOptions{MaxSize: 25})
	for i := range src {
		require.Len(t, s.Tensor(i), copy(s.Tensor(i), src[i].Data))
	}
	require.NoError(t, s.Seal(t.Context()))
	require.Equal(t, filesOf(t, setOf(t, src, &ShardOptions{MaxSize: 25})), imagesOf(s))
}

// Before Seal the index is as long, and has no digest.
func TestIndexOfASetNotSealed(t *testing.T) {
	src := counters(2, 10)
	s := placedSet(t, src, &ShardOptions{MaxSize: 10})
	name, before := s.Index()
	require.Equal(t, indexName, name)
	require.Contains(t, string(before), fmt.Sprintf("%q: %q", metakey.Set, noSet))
	length := len(before)
	require.NoError(t, s.Fill(t.Context(), src))
	require.NoError(t, s.Seal(t.Context()))
	_, after := s.Index()
	require.Len(t, after, length)
	require.Contains(t, string(after), digestOf(src))

	one, err := PlanShardImages(SpecsOf(src), nil)
	require.NoError(t, err)
	name, text := one.Index()
	require.Empty(t, name)
	require.Nil(t, text)
}

func TestShardImagesRefuse(t *testing.T) {
	_, err := PlanShardImages([]Spec{{"w", U8, nil}, {"w", U8, nil}}, &ShardOptions{MaxSize: 1})
	requireKind(t, ErrDuplicate, err, "a name twice")
	_, err = PlanShardImages(nil, &ShardOptions{Name: "a/b"})
	require.ErrorContains(t, err, `cannot be called "a/b"`)

	src := counters(3, 10)
	o := &ShardOptions{MaxSize: 10, WriteOptions: WriteOptions{Checksums: true}}
	s, err := PlanShardImages(SpecsOf(src), o)
	require.NoError(t, err)
	for _, err := range []error{s.Fill(t.Context(), src), s.Seal(t.Context())} {
		require.ErrorContains(t, err, "call Place first")
		require.ErrorContains(t, err, "model-00001-of-00003.safetensors")
	}
	s = placedSet(t, src, o)
	before := imagesOf(s)
	require.ErrorContains(t, s.Fill(t.Context(), src[:2]), "2 sources for 3 specs")
	src[2].Data = src[2].Data[:9]
	require.ErrorIs(t, s.Fill(t.Context(), src), ErrSize)
	require.Equal(t, before, imagesOf(s), "the first shards are as they were, too")
	for _, m := range s.All() {
		require.ErrorContains(t, m.Seal(t.Context()), "one of a set")
	}

	why := errors.New("the user pressed Ctrl-C")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	require.ErrorIs(t, s.Seal(ctx), why)
	require.ErrorIs(t, s.Fill(ctx, counters(3, 10)), why)
	require.Equal(t, before, imagesOf(s))
}

// What fits in one file is sealed as one.
func TestShardImagesOfOneFile(t *testing.T) {
	src := counters(2, 10)
	s := placedSet(t, src, &ShardOptions{WriteOptions: WriteOptions{Checksums: true}})
	require.NoError(t, s.Fill(t.Context(), src))
	require.NoError(t, s.Seal(t.Context()))
	all := imagesOf(s)
	require.Len(t, all, 1)
	require.NotContains(t, all["model.safetensors"], metakey.Set)
	for _, m := range s.All() {
		sum := m.FileSum()
		require.NoError(t, m.Seal(t.Context()), "it is no set's")
		require.Equal(t, sum, m.FileSum())
	}
}
