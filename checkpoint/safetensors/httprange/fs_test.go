package httprange

// This file tests folders of remote files.

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"
)

// library serves files by the path of their URL.
func library(t testing.TB, files map[string][]byte) *site {
	s := serve(t, nil)
	s.instead = func(_ int, w http.ResponseWriter, r *http.Request) bool {
		b, ok := files[r.URL.EscapedPath()]
		if !ok {
			http.NotFound(w, r)
			return true
		}
		w.Header().Set("ETag", `"`+r.URL.EscapedPath()+`"`)
		http.ServeContent(w, r, "", s.modified, bytes.NewReader(b))
		return true
	}
	return s
}

func TestFS(t *testing.T) {
	files := map[string][]byte{
		"/m/config.json":        []byte("{}"),
		"/m/sub/a":              noise(3_000_000),
		"/m/100%25%20%3F%23%2B": []byte("odd"),
		"/m/empty":              {},
	}
	s := library(t, files)
	s.modified = monday
	for _, base := range []string{s.URL + "/m", s.URL + "/m/", s.URL + "/m?token=1"} {
		fsys := FS(t.Context(), base, eager(nil))
		for name, want := range map[string][]byte{
			"config.json": files["/m/config.json"], "sub/a": files["/m/sub/a"],
			"100% ?#+": []byte("odd"), "empty": {},
		} {
			got, err := fs.ReadFile(fsys, name)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want, got), "%q", name)

			info, err := fs.Stat(fsys, name)
			require.NoError(t, err)
			require.Equal(t, int64(len(want)), info.Size())
			require.True(t, info.Mode().IsRegular())
			require.False(t, info.IsDir())
			require.True(t, monday.Equal(info.ModTime()))
			require.Nil(t, info.Sys())
		}
	}
	require.Equal(t, "token=1", s.seen[len(s.seen)-1].URL.RawQuery)
}

func TestFSFile(t *testing.T) {
	file := noise(2_500_000)
	s := library(t, map[string][]byte{"/sub/a": file})
	f, err := FS(t.Context(), s.URL, eager(nil)).Open("sub/a")
	require.NoError(t, err)
	info, err := f.Stat()
	require.NoError(t, err)
	require.Equal(t, "a", info.Name())
	require.True(t, info.ModTime().IsZero(), "the server does not say")
	require.Len(t, s.ranges(), 1)

	got, err := io.ReadAll(f)
	require.NoError(t, err)
	require.True(t, bytes.Equal(file, got))
	require.LessOrEqual(t, len(s.ranges()), 4, "a mebibyte at a time")
	requirePart(t, f.(io.ReaderAt), file, 1_000_000, 2_000_000)

	require.NoError(t, f.Close())
	_, err = f.(io.ReaderAt).ReadAt(make([]byte, 1), 0)
	require.ErrorIs(t, err, fs.ErrClosed)
}

func TestFSFileConforms(t *testing.T) {
	file := noise(2_000)
	s := library(t, map[string][]byte{"/a": file})
	f, err := FS(t.Context(), s.URL, eager(nil)).Open("a")
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, iotest.TestReader(f, file))
}

func TestFSKeepsItsHeader(t *testing.T) {
	s := library(t, map[string][]byte{"/a": noise(10)})
	o := eager(nil)
	o.Header = http.Header{"Authorization": {"Bearer token"}}
	fsys := FS(t.Context(), s.URL, o)
	o.Header.Set("Authorization", "changed by the caller later")
	_, err := fs.Stat(fsys, "a")
	require.NoError(t, err)
	require.Equal(t, "Bearer token", s.seen[0].Header.Get("Authorization"))
}

func TestFSErrors(t *testing.T) {
	s := library(t, map[string][]byte{"/a": noise(10)})
	fsys := FS(t.Context(), s.URL, eager(nil))
	for name, want := range map[string]error{
		"b": fs.ErrNotExist, "../a": fs.ErrInvalid, "/a": fs.ErrInvalid, "": fs.ErrInvalid, "x//a": fs.ErrInvalid,
		".": errors.ErrUnsupported,
	} {
		for _, call := range []func() error{
			func() error { _, err := fsys.Open(name); return err },
			func() error { _, err := fs.ReadFile(fsys, name); return err },
			func() error { _, err := fs.ReadDir(fsys, name); return err },
		} {
			err := call()
			require.ErrorIs(t, err, want, "%q", name)
			var e *fs.PathError
			require.ErrorAs(t, err, &e)
			require.Equal(t, name, e.Path)
		}
	}
	require.Len(t, s.ranges(), 3, "only the name that could be one")
}

// What a server claims costs no memory: it is bytes that do.
func TestReadFileOfAFileThatClaimsToBeHuge(t *testing.T) {
	s := serve(t, noise(100_000))
	s.instead = func(n int, w http.ResponseWriter, _ *http.Request) bool {
		if n > 0 {
			w.WriteHeader(http.StatusNotFound)
			return true
		}
		w.Header().Set("Content-Range", "bytes 0-99999/9223372036854775807")
		w.WriteHeader(http.StatusPartialContent)
		w.Write(s.file)
		return true
	}
	_, err := fs.ReadFile(FS(t.Context(), s.URL, eager(nil)), "x")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.Equal(t, []string{"bytes=0-99999", "bytes=100000-1048575"}, s.ranges())
}

func TestBelow(t *testing.T) {
	for _, row := range []struct{ base, name, want string }{
		{"http://h", "a", "http://h/a"},
		{"http://h/", "a/b", "http://h/a/b"},
		{"http://h/x%2Fy", "a b", "http://h/x%2Fy/a%20b"},
		{"http://h/http://g/", "a", "http://h/http://g/a"},
		{"http://h/x?q=1", "é?", "http://h/x/%C3%A9%3F?q=1"},
		{"http://h/x", "a%2F..", "http://h/x/a%252F.."},
	} {
		base, err := url.Parse(row.base)
		require.NoError(t, err)
		require.Equal(t, row.want, below(base, row.name).String())
	}
}

func TestLastModifiedThatIsNoDate(t *testing.T) {
	require.Equal(t, time.Time{}, info{&file{Reader: &Reader{version: &version{modified: "soon"}}}}.ModTime())
}
