package safetensors

// This file is about comparing the checksums of a whole file or set.

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/fb777929/kibisis/checkpoint/internal/metakey"
)

// summed encodes with checksums.
func summed(t tb, src ...Source) []byte {
	t.Helper()
	var w writeBuffer
	require.NoError(t, Encode(&w, src, &WriteOptions{Checksums: true}))
	return w
}

// tensorsOver is tensors of sizes around those at which work is cut.
func tensorsOver() []Source {
	var src []Source
	for i, size := range []int{0, 1, 7, sumStep - 1, sumStep, sumStep + 1, minStretch, 3*minStretch + 5, 0, 12} {
		src = append(src, Source{Name: fmt.Sprintf("t%d", i), DType: U8, Shape: []int{size}, Data: counted(size)})
	}
	return src
}

// ways are the ways to verify the file at path.
var ways = map[string]func(path string) (int, error){
	"mapped":     verifiedWith(OpenOptions{}),
	"read":       verifiedWith(OpenOptions{NoMmap: true}),
	"in memory":  verifiedWith(OpenOptions{InMemory: true}),
	"while open": verifiedWith(OpenOptions{Verify: true}),
	"while read": verifiedWith(OpenOptions{Verify: true, NoMmap: true}),
	"fused":      verifiedWith(OpenOptions{Verify: true, InMemory: true}),
}

func verifiedWith(o OpenOptions) func(string) (int, error) {
	return func(path string) (int, error) {
		f, err := Open(path, &o)
		if err != nil {
			return 0, err
		}
		n, err := f.Verify(context.Background())
		return n, errors.Join(err, f.Close())
	}
}

func TestVerifyEveryTensor(t *testing.T) {
	src := tensorsOver()
	path := written(t, summed(t, src...))
	for name, verify := range ways {
		n, err := verify(path)
		require.NoError(t, err, name)
		require.Equal(t, len(src), n, name)
	}
}

// One bit of any tensor, and of the stored sum of an empty one, is found in every
// way, and all faults are said at once, in file order.
func TestVerifyFindsDamage(t *testing.T) {
	file := summed(t, tensorsOver()...)
	f := opened(t, file, nil)
	var want []string
	for name, x := range f.All() {
		begin, end := x.Range()
		for _, at := range []int64{begin, (begin + end) / 2, end - 1} {
			if begin == end {
				continue
			}
			damaged := slices.Clone(file)
			damaged[at] ^= 0x10
			path := written(t, damaged)
			for way, verify := range ways {
				_, err := verify(path)
				require.Equal(t, []string{name}, damagedIn(err), "%s: byte %d", way, at)
			}
		}
		if begin < end {
			want = append(want, name)
		}
	}
	for _, x := range f.All() {
		if begin, end := x.Range(); begin < end {
			file[begin+(end-begin)/3] ^= 1
		}
	}
	for way, verify := range ways {
		_, err := verify(written(t, file))
		require.Equal(t, want, damagedIn(err), way)
	}
}

// damagedIn is the tensors of all checksum errors in err.
func damagedIn(err error) (names []string) {
	if f, ok := err.(*FormatError); ok && f.Kind == ErrChecksum {
		return []string{f.Tensor}
	}
	if all, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range all.Unwrap() {
			names = append(names, damagedIn(err)...)
		}
	}
	return names
}

// Sums that are spelled wrong, that are of empty tensors, that are of no tensor.
func TestVerifyOddSums(t *testing.T) {
	const ofNine = "ae8b14860a799888"
	src := []Source{{Name: "x", DType: U8, Shape: []int{9}, Data: []byte("123456789")}, {Name: "e", DType: U8, Shape: []int{0}}}
	for _, c := range []struct {
		metadata map[string]string
		checked  int
		damaged  []string
	}{
		{nil, 0, nil},
		{map[string]string{"kibisis.crc64nvme.x": ofNine}, 1, nil},
		{map[string]string{"kibisis.crc64nvme.x": ofNine, "kibisis.crc64nvme.gone": ofNine}, 1, nil},
		{map[string]string{"kibisis.crc64nvme.x": "AE8B14860A799888"}, 1, []string{"x"}},
		{map[string]string{"kibisis.crc64nvme.x": "0x8b14860a799888"}, 1, []string{"x"}},
		{map[string]string{"kibisis.crc64nvme.x": ""}, 1, []string{"x"}},
		{map[string]string{"kibisis.crc64nvme.x": strings.Repeat("a", 10_000)}, 1, []string{"x"}},
		{map[string]string{"kibisis.crc64nvme.e": "0000000000000000"}, 1, nil},
		{map[string]string{"kibisis.crc64nvme.e": "0000000000000001"}, 1, []string{"e"}},
	} {
		f := opened(t, encoded(t, c.metadata, src...), nil)
		n, err := f.Verify(t.Context())
		require.Equal(t, c.checked, n)
		require.Equal(t, c.damaged, damagedIn(err))
		for _, x := range f.All() {
			_, alone := x.Verify()
			require.Equal(t, slices.Contains(c.damaged, x.Name()), alone != nil, "as one by one")
			if alone != nil {
				require.EqualError(t, err, alone.Error())
				require.Less(t, len(alone.Error()), 300)
			}
		}
	}
}

// Some tensors with sums and some without, of any size: what is verified is what
// Tensor.Verify verifies, tensor by tensor.
func TestVerifyIsEveryTensorsVerify(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var src []Source
		metadata := map[string]string{}
		for i := range rapid.IntRange(0, 12).Draw(t, "tensors") {
			size := rapid.SampledFrom([]int{0, 1, 100, sumStep, sumStep + 1, minStretch + 9}).Draw(t, "size")
			s := Source{Name: fmt.Sprint(i), DType: U8, Shape: []int{size}, Data: counted(size)}
			src = append(src, s)
			if rapid.Bool().Draw(t, "sum") {
				sum, err := s.sum(int64(size))
				require.NoError(t, err)
				metadata[metakey.Checksum+s.Name] = spell(sum ^ uint64(rapid.SampledFrom([]int{0, 0, 1}).Draw(t, "flip")))
			}
		}
		file := encoded(t, metadata, src...)
		f, err := NewFile(bytes.NewReader(file), int64(len(file)), nil)
		require.NoError(t, err)
		var want []string
		for name, x := range f.All() {
			if _, err := x.Verify(); err != nil {
				want = append(want, name)
			}
		}
		n, err := f.Verify(context.Background())
		require.Equal(t, len(metadata), n)
		require.Equal(t, want, damagedIn(err))
	})
}

func TestVerifyASet(t *testing.T) {
	set, _ := wideSet(t, 7, &WriteOptions{Checksums: true})
	dir := onDisk(t, set)
	path := filepath.Join(dir, "model-00005-of-00007.safetensors")
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	file[len(file)-1] ^= 1
	require.NoError(t, os.WriteFile(path, file, 0o644))
	for way, verify := range ways {
		_, err := verify(dir)
		require.Equal(t, []string{"layer.4.1"}, damagedIn(err), way)
		require.ErrorContains(t, err, path, way)
	}
}

func TestVerifyStops(t *testing.T) {
	f := opened(t, summed(t, tensorsOver()...), nil)
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	cancel(stop)
	n, err := f.Verify(ctx)
	require.Zero(t, n)
	require.ErrorIs(t, err, stop)
	require.NoError(t, f.Close())
	_, err = f.Verify(t.Context())
	require.ErrorIs(t, err, ErrClosed)
}

// stopping ends ctx while it is read.
type stopping struct {
	io.ReaderAt
	after  int
	cancel func()
}

func (s *stopping) ReadAt(p []byte, off int64) (int, error) {
	if s.after--; s.after == 0 {
		s.cancel()
	}
	return s.ReaderAt.ReadAt(p, off)
}

func TestVerifyStopsBetweenSteps(t *testing.T) {
	file := summed(t, Source{Name: "x", DType: U8, Shape: []int{minStretch}, Data: counted(minStretch)})
	ctx, cancel := context.WithCancel(t.Context())
	r := &stopping{bytes.NewReader(file), 5, cancel} // the header takes two
	f, err := NewFile(r, int64(len(file)), nil)
	require.NoError(t, err)
	_, err = f.Verify(ctx)
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, r.after, "nothing is read after the end")
}

func TestVerifyOfAFileThatWasCut(t *testing.T) {
	for _, o := range []OpenOptions{{}, {NoMmap: true}} {
		path := written(t, summed(t, tensorsOver()...))
		f, err := Open(path, &o)
		require.NoError(t, err)
		require.NoError(t, os.Truncate(path, 100_000))
		n, err := f.Verify(t.Context())
		require.Zero(t, n)
		require.Error(t, err)
		require.Empty(t, damagedIn(err), "a file that is cut is not a wrong checksum")
		require.NoError(t, f.Close())
	}
}
