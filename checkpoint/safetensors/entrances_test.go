package safetensors

// This file lists the ways into the package, for tests that must hold for all.

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
)

// entrances are the ways into the package. Each reads everything of a file that
// it could open.
var entrances = []struct {
	name string
	open func(t *testing.T, file []byte, o OpenOptions) error
}{
	{"OpenBytes", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(OpenBytes(file, &o))
	}},
	{"NewFile", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(NewFile(bytes.NewReader(file), int64(len(file)), &o))
	}},
	{"NewFile, a byte a call", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(NewFile(stingyReader(file), int64(len(file)), &o))
	}},
	{"OpenFS", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(OpenFS(fstest.MapFS{"m": {Data: file}}, "m", &o))
	}},
	{"OpenFS without ReadAt", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(OpenFS(streamFS{fstest.MapFS{"m": {Data: file}}}, "m", &o))
	}},
	{"Open", func(t *testing.T, file []byte, o OpenOptions) error {
		return readAll(t, file)(Open(written(t, file), &o))
	}},
	{"Open copy-on-write", func(t *testing.T, file []byte, o OpenOptions) error {
		o.CopyOnWrite = true
		return readAll(t, file)(Open(written(t, file), &o))
	}},
	{"Open without mapping", func(t *testing.T, file []byte, o OpenOptions) error {
		o.NoMmap = true
		return readAll(t, file)(Open(written(t, file), &o))
	}},
	{"Open in memory", func(t *testing.T, file []byte, o OpenOptions) error {
		o.InMemory = true
		return readAll(t, file)(Open(written(t, file), &o))
	}},
	{"Open in memory, verified", func(t *testing.T, file []byte, o OpenOptions) error {
		o.InMemory, o.Verify = true, true
		return readAll(t, file)(Open(written(t, file), &o))
	}},
	{"NewFile in memory", func(t *testing.T, file []byte, o OpenOptions) error {
		o.InMemory = true
		return readAll(t, file)(NewFile(stingyReader(file), int64(len(file)), &o))
	}},
}

// written writes a file and returns its path.
func written(t testing.TB, file []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "m.safetensors")
	require.NoError(t, os.WriteFile(path, file, 0o644))
	return path
}

// readAll returns a function that takes what an Open function gives, and requires
// of an open File that its tensors are, one behind the other, the data of file.
func readAll(t *testing.T, file []byte) func(*File, error) error {
	return func(f *File, err error) error {
		if err != nil {
			require.Nil(t, f)
			return err
		}
		var data []byte
		for _, x := range f.All() {
			data = append(data, bytesOf(t, x)...)
			b, err := x.Bytes()
			require.NoError(t, err)
			require.True(t, bytes.HasSuffix(data, b))
		}
		require.True(t, bytes.Equal(file[f.shards[0].h.dataStart():], data))
		return f.Close()
	}
}

// A streamFS gives files that can only be read from the start.
type streamFS struct{ fs.FS }

func (s streamFS) Open(name string) (fs.File, error) {
	f, err := s.FS.Open(name)
	return struct{ fs.File }{f}, err
}
