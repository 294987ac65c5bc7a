package httprange

// This file runs the conformance corpus, testdata/vectors, over HTTP: a remote file
// is taken or refused exactly as it would be from the disk, and for the same reason.

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/fb777929/kibisis/checkpoint/internal/vectors"
	"github.com/fb777929/kibisis/checkpoint/safetensors"
)

// serveVectors serves each vector under its name, and returns the address of the
// folder.
func serveVectors(t *testing.T, all []vectors.Vector) string {
	files := map[string][]byte{}
	for _, v := range all {
		files["/"+fileOf(v)] = v.File
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		file, ok := files[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("ETag", `"one"`)
		w.Header().Set("Content-Type", "application/octet-stream")
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(file))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func fileOf(v vectors.Vector) string { return v.Name + ".safetensors" }

func TestVectorsOverHTTP(t *testing.T) {
	all, err := vectors.Load(filepath.Join(goldenDir, "vectors"))
	require.NoError(t, err)
	require.Greater(t, len(all), 150)
	base := serveVectors(t, all)
	// The limit that Open has for remote headers is lower than the format's, which
	// the vectors are about.
	o := eager(nil)
	o.MaxHeader = 100_000_000
	fsys := FS(t.Context(), base, o)
	for _, v := range all {
		t.Run(v.Name, func(t *testing.T) {
			f, err := Open(t.Context(), base+"/"+fileOf(v), o)
			requireOutcome(t, v, v.Strict, f, err)
			for _, mode := range []struct {
				want    string
				lenient bool
			}{{v.Strict, false}, {v.Lenient, true}} {
				r := open(t, base+"/"+fileOf(v), o)
				f, err := safetensors.NewFile(r, r.Size(), &safetensors.OpenOptions{Lenient: mode.lenient})
				requireOutcome(t, v, mode.want, f, err)
				f, err = safetensors.OpenFS(fsys, fileOf(v), &safetensors.OpenOptions{Lenient: mode.lenient})
				requireOutcome(t, v, mode.want, f, err)
			}
		})
	}
}

// requireOutcome requires that a vector is refused with the word that it has for
// that, or opens with its tensors, which are the rest of the file.
func requireOutcome(t *testing.T, v vectors.Vector, want string, f *safetensors.File, err error) {
	t.Helper()
	if want != "ok" {
		require.Nil(t, f)
		var refusal *safetensors.FormatError
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, want, string(refusal.Kind))
		var network *Error
		require.NotErrorAs(t, err, &network, "the server did nothing wrong")
		return
	}
	require.NoError(t, err)
	require.Equal(t, len(v.Tensors), f.Len())
	var data []byte
	i := 0
	for name, x := range f.All() {
		require.True(t, strings.HasPrefix(v.Tensors[i], strconv.QuoteToASCII(name)+" "+x.DType().String()+" "), "%q is not %s", name, v.Tensors[i])
		b, err := x.Bytes()
		require.NoError(t, err)
		data = append(data, b...)
		i++
	}
	require.True(t, bytes.HasSuffix(v.File, data))
	require.Len(t, v.Metadata, metadataLines(f))
	require.NoError(t, f.Close())
}

// metadataLines is how many lines a vector has for the metadata of f.
func metadataLines(f *safetensors.File) int {
	m := f.Metadata()
	if m != nil && len(m) == 0 {
		return 1 // "empty"
	}
	return len(m)
}
