package httprange

// This file opens safetensors files over HTTP.

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

const goldenDir = "../../../testdata"

// What others wrote reads the same over HTTP as from the disk.
func TestGoldenFiles(t *testing.T) {
	s := httptest.NewServer(http.FileServer(http.Dir(goldenDir)))
	t.Cleanup(s.Close)
	paths, err := filepath.Glob(filepath.Join(goldenDir, "*.safetensors"))
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	fsys := FS(t.Context(), s.URL, eager(nil))
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			want, err := safetensors.Open(path, nil)
			require.NoError(t, err)
			defer want.Close()

			got, err := Open(t.Context(), s.URL+"/"+name, eager(nil))
			require.NoError(t, err)
			requireSame(t, want, got)
			require.NoError(t, got.Close())

			got, err = safetensors.OpenFS(fsys, name, nil)
			require.NoError(t, err)
			requireSame(t, want, got)
			require.NoError(t, got.Close())
		})
	}
}

func requireSame(t *testing.T, want, got *safetensors.File) {
	t.Helper()
	require.Equal(t, want.Names(), got.Names())
	require.Equal(t, want.Metadata(), got.Metadata())
	for name, w := range want.All() {
		g, err := got.Tensor(name)
		require.NoError(t, err)
		require.Equal(t, w.DType(), g.DType())
		require.Equal(t, w.Shape(), g.Shape())
		wb, err := w.Bytes()
		require.NoError(t, err)
		gb, err := g.Bytes()
		require.NoError(t, err)
		require.True(t, bytes.Equal(wb, gb), "data of %q", name)
	}
}

// model returns a file whose header has at least so many bytes. Its tensor x, of
// 1000 bytes, lies past what the first answer brings.
func model(t testing.TB, header int) []byte {
	x := safetensors.Source{Name: "x", DType: safetensors.U8, Shape: []int{10, 100}, Data: noise(1000)}
	first := safetensors.Source{Name: "a", DType: safetensors.U8, Shape: []int{200_000}, Data: make([]byte, 200_000)}
	var b bytes.Buffer
	pad := map[string]string{"pad": strings.Repeat(" ", header)}
	require.NoError(t, safetensors.Encode(&b, []safetensors.Source{first, x}, &safetensors.WriteOptions{Metadata: pad}))
	return b.Bytes()
}

func TestRequestsOfAFile(t *testing.T) {
	for header, opening := range map[int]int{10: 1, 90_000: 1, 100_000: 2, 500_000: 2} {
		t.Run(fmt.Sprint(header), func(t *testing.T) {
			s := serve(t, model(t, header))
			f, err := Open(t.Context(), s.URL+"/model.safetensors", eager(nil))
			require.NoError(t, err)
			defer f.Close()
			require.Len(t, s.ranges(), opening)
			length := 8 + int(binary.LittleEndian.Uint64(s.file))
			require.Equal(t, max(100_000, length), s.bytesSent())

			x, err := f.Tensor("x")
			require.NoError(t, err)
			b, err := x.Bytes()
			require.NoError(t, err)
			require.Equal(t, noise(1000), b)
			require.Len(t, s.ranges(), opening+1, "a tensor is a request")
			require.Equal(t, max(100_000, length)+1000, s.bytesSent())

			row, err := x.Slice(safetensors.At(3))
			require.NoError(t, err)
			b, err = row.Bytes()
			require.NoError(t, err)
			require.Equal(t, noise(1000)[300:400], b)
			require.Len(t, s.ranges(), opening+2, "and so is a row")
		})
	}
}

func TestMaxHeader(t *testing.T) {
	file := model(t, 200_000)
	n := int64(binary.LittleEndian.Uint64(file))
	for most, refused := range map[int64]bool{0: false, n: false, n - 1: true, 1: true} {
		s := serve(t, file)
		o := eager(nil)
		o.MaxHeader = most
		f, err := Open(t.Context(), s.URL+"/m.safetensors", o)
		if !refused {
			require.NoError(t, err)
			require.NoError(t, f.Close())
			continue
		}
		var e *safetensors.FormatError
		require.ErrorAs(t, err, &e)
		require.Equal(t, safetensors.ErrHeaderTooLarge, e.Kind)
		require.Equal(t, "m.safetensors", e.Path)
		require.Len(t, s.ranges(), 1, "the rest is not asked for")
	}
}

func TestHeaderOfMoreThan25MB(t *testing.T) {
	s := serve(t, binary.LittleEndian.AppendUint64(nil, 25_000_001))
	s.file = append(s.file, make([]byte, 200_000)...)
	_, err := Open(t.Context(), s.URL, eager(nil))
	require.ErrorIs(t, err, safetensors.ErrHeaderTooLarge)
	s.file[0]-- // one less is the codec's to judge: it is more than the file has
	_, err = Open(t.Context(), s.URL, eager(nil))
	require.ErrorIs(t, err, safetensors.ErrHeaderLength)
	require.Len(t, s.ranges(), 2)
}

func TestOpenErrors(t *testing.T) {
	s := library(t, map[string][]byte{"/empty": {}, "/page": []byte("<!DOCTYPE html><html>sign in</html>"), "/seven": make([]byte, 7)})
	for name, want := range map[string]error{
		"/empty": safetensors.ErrHeaderTooSmall, "/seven": safetensors.ErrHeaderTooSmall,
		"/page": safetensors.ErrHeaderTooLarge, "/none": fs.ErrNotExist,
	} {
		_, err := Open(t.Context(), s.URL+name, eager(nil))
		require.ErrorIs(t, err, want, name)
	}
}

// The codec's errors name the file and the server's.
func TestReadErrorsThroughTheCodec(t *testing.T) {
	s := serve(t, model(t, 10))
	f, err := Open(t.Context(), s.URL+"/m.safetensors?secret", eager(nil))
	require.NoError(t, err)
	s.etag = `"two"`
	x, err := f.Tensor("x")
	require.NoError(t, err)
	_, err = x.Bytes()
	require.ErrorIs(t, err, ErrChanged)
	require.ErrorContains(t, err, "safetensors: m.safetensors: read bytes")
	require.ErrorContains(t, err, s.URL+"/m.safetensors: bytes [")
	require.NotContains(t, err.Error(), "secret")

	s.etag = `"one"`
	require.NoError(t, f.Close())
	_, err = x.Bytes()
	require.ErrorIs(t, err, safetensors.ErrClosed)
}

func TestContextEndsReadsOfAFile(t *testing.T) {
	s := serve(t, model(t, 10))
	ctx, cancel := context.WithCancel(t.Context())
	s.instead = func(n int, _ http.ResponseWriter, r *http.Request) bool {
		if n > 0 {
			cancel()
			<-r.Context().Done()
		}
		return n > 0
	}
	f, err := Open(ctx, s.URL, eager(nil))
	require.NoError(t, err)
	x, err := f.Tensor("x")
	require.NoError(t, err)
	_, err = x.Bytes()
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, f.Close())
}

// Shards of a model are files below one URL, and so is the index that names them.
func TestShards(t *testing.T) {
	index, files := shards(t, 3)
	s := library(t, files)
	fsys := FS(t.Context(), s.URL+"/org/model/resolve/main", eager(nil))
	text, err := fs.ReadFile(fsys, "model.safetensors.index.json")
	require.NoError(t, err)
	var got struct {
		Map map[string]string `json:"weight_map"`
	}
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, index, got.Map)
	for _, tensor := range slices.Sorted(maps.Keys(got.Map)) {
		f, err := safetensors.OpenFS(fsys, got.Map[tensor], nil)
		require.NoError(t, err)
		x, err := f.Tensor(tensor)
		require.NoError(t, err)
		b, err := x.Bytes()
		require.NoError(t, err)
		require.Equal(t, []byte(tensor), b)
		require.NoError(t, f.Close())
	}
	require.Len(t, s.ranges(), 1+3)
}

// shards makes n files of one tensor each, whose bytes are its name, and what
// their index maps tensors to.
func shards(t *testing.T, n int) (index map[string]string, files map[string][]byte) {
	const base = "/org/model/resolve/main/"
	index, files = map[string]string{}, map[string][]byte{}
	total := 0
	for i := range n {
		tensor, file := fmt.Sprintf("layer.%d", i), fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, n)
		var b bytes.Buffer
		src := []safetensors.Source{{Name: tensor, DType: safetensors.U8, Shape: []int{len(tensor)}, Data: []byte(tensor)}}
		require.NoError(t, safetensors.Encode(&b, src, nil))
		index[tensor], files[base+file] = file, b.Bytes()
		total += len(tensor)
	}
	text, err := json.Marshal(map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": index})
	require.NoError(t, err)
	files[base+"model.safetensors.index.json"] = text
	return index, files
}

// beside is what Open gives to the codec: the file that is open once, then again,
// and the files next to it.
func TestFilesBesideAnOpenOne(t *testing.T) {
	s := library(t, map[string][]byte{"/m/a%2Fb/x.json": []byte("[]"), "/m/a%2Fb/y": []byte("shard")})
	u, err := parseURL(s.URL + "/m/a%2Fb/x.json?q=1")
	require.NoError(t, err)
	opt := eager(nil).orDefault()
	r, err := newReader(t.Context(), u, opt)
	require.NoError(t, err)
	d := &beside{folder: folder{ctx: t.Context(), base: parent(u), opt: opt}, url: u, name: nameOf(u)}
	d.first.Store(r)
	require.Equal(t, "x.json", d.name)
	for requests := 1; requests <= 2; requests++ {
		b, err := fs.ReadFile(d, "x.json")
		require.NoError(t, err)
		require.Equal(t, "[]", string(b))
		require.Len(t, s.ranges(), requests)
	}
	b, err := fs.ReadFile(d, "y")
	require.NoError(t, err)
	require.Equal(t, "shard", string(b))
	_, err = d.Open("z")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func TestNamesOfURLs(t *testing.T) {
	for raw, want := range map[string]string{
		"http://h": "file", "http://h/": "file", "http://h/a/": "file", "http://h/a/.": "file", "http://h/..": "file",
		"http://h/a.safetensors": "a.safetensors", "http://h/x/a%20b?c=/d": "a b", "http://h/a%2Fb": "file",
		"http://h/model.safetensors.index.json": "model.safetensors.index.json",
	} {
		u, err := parseURL(raw)
		require.NoError(t, err)
		require.Equal(t, want, nameOf(u), raw)
	}
}
